/** What a made-up service answers to the staff's pages and to a screen, for the gallery. */
import { blank, type Draft } from "../staff/draft";
import type { Catalogue, MeetingParticipant, MeetingResource, PoolBoard, Screen, StaffSession } from "../wire";
import { ADMIN, AGENCY, AUTHORITY } from "./authority";
import { ago, NAMES, station, stations } from "./scenes";

const SITE = { id: "gavle", name: "Servicekontoret Gävle", time_zone: "Europe/Stockholm" };

const session: StaffSession = {
  name: "Lena Ek", role: "host", agency: null, sites: [SITE, { id: "sandviken", name: "Servicekontoret Sandviken", time_zone: "Europe/Stockholm" }],
  time_zone: "Europe/Stockholm", expires_at: ago(-600),
};

const PURPOSES: Record<string, [string, string]> = {
  migrationsverket: ["Beslut, uppehållstillstånd och kort", "Decision, residence permit and card"],
  skatteverket: ["Folkbokföring, personnummer och id-kort", "Population registration, identity number and ID card"],
  forsakringskassan: ["Föräldrapenning, barnbidrag och bostadsbidrag", "Parental benefit, child allowance and housing allowance"],
  arbetsformedlingen: ["Etableringsprogrammet", "The introduction programme"],
  kommun: ["Bostad, skola, förskola och svenska för invandrare", "Home, school, preschool and Swedish for immigrants"],
};

const catalogue = {
  agencies: Object.entries(PURPOSES).map(([id, [sv, en]]) => ({ id, name: NAMES[id], reviewed_by: "", purposes: [{ id: `${id}-1`, text: { sv, en } }] })),
  sites: session.sites.map((site) => ({ ...site, town: site.name.split(" ")[1], municipality: site.name.split(" ")[1], parent: null })),
  routes: ["migrationsverket", "arbetsformedlingen", "kommun"].map((calls, at) => ({
    id: String(at + 1), name: { sv: `Spår ${at + 1}`, en: `Route ${at + 1}` }, description: { sv: "", en: "" }, calls,
    stations: Object.keys(PURPOSES).map((agency) => ({ agency, purpose: `${agency}-1`, minutes: 25 })),
  })),
  languages: [["ar", "arabiska", "Arabic"], ["so", "somaliska", "Somali"], ["sv", "svenska", "Swedish"], ["ti", "tigrinja", "Tigrinya"]].map(([code, sv, en]) => ({
    code, name: { sv, en }, native: sv, direction: code === "ar" ? "rtl" : "ltr",
  })),
} as unknown as Catalogue;

const somebody = (role: MeetingParticipant["role"], name: string, more: Partial<MeetingParticipant> = {}): MeetingParticipant => ({
  id: `p_${name}`, role, kind: null, name, agency: null, station: null, language: "sv", place: "elsewhere", phase: "room", ready: false, present: false, ...more,
});

function meeting(id: string, alias: string, planned: number, more: Partial<MeetingResource> = {}): MeetingResource {
  return {
    id, site: SITE.id, site_name: SITE.name, time_zone: SITE.time_zone, route: "1", alias, planned_at: ago(planned), languages: ["ar"],
    people: { adults: 2, children: 1 }, room: "Rum 2", state: "planned", stations: stations().map((one) => ({ ...one, state: "planned", started_at: null, ended_at: null })),
    participants: [somebody("newcomer", alias), somebody("interpreter", "Amina Haddad")], created_at: ago(4000), paused_since: null, ended_at: null, ...more,
  };
}

const ended = () => stations().map((one) => ({ ...one, state: "done" as const, started_at: ago(300), ended_at: ago(280) }));
const unmanned = () => stations().map((one) => ({ ...one, state: "planned" as const, started_at: null, ended_at: null, officers: [] }));

const meetings = (): MeetingResource[] => [
  meeting("m_1", "Omar", 330, { state: "ended", stations: ended(), ended_at: ago(180), people: { adults: 1, children: 0 } }),
  meeting("m_2", "Samira med familj", 35, { state: "open", stations: stations() }),
  meeting("m_3", "Selam", 12, { state: "paused", stations: stations(), paused_since: ago(3), languages: ["ti"], room: "Rum 4", people: { adults: 1, children: 2 } }),
  meeting("m_4", "Hodan", -95, { participants: [somebody("newcomer", "Hodan")], languages: ["so"], people: { adults: 2, children: 0 } }),
  meeting("m_5", "Dawit", -200, { stations: unmanned(), languages: ["ti"] }),
  meeting("m_6", "Anna", -240, { languages: ["sv"], participants: [], people: { adults: 1, children: 0 }, stations: [station(1, "kommun", "Bostad", 20)] }),
];

const screens: Screen[] = [
  { id: "s_1", site: SITE.id, name: "Rum 2", paired_at: ago(9000), connected: true, meeting: "m_2" },
  { id: "s_2", site: SITE.id, name: "Rum 4", paired_at: ago(9000), connected: false, meeting: null },
];

/** As far as a step of the wizard needs it. */
export function draft(): Draft {
  const started: Draft = { ...blank(SITE.id, new Date(Date.now() + 86_400_000).toISOString().slice(0, 10), "10:00"), alias: "Samira med familj", children: 1, language: "ar", room: "Rum 2", route: "1", interpreter: "none" };
  started.stations = Object.keys(PURPOSES).map((agency, at) => ({ key: at + 1, agency, purpose: `${agency}-1`, minutes: 25, officer: ["Per Sandin", "Karin Lund"][at] ?? "" }));
  started.breaks = [0, 0, 10, 0, 0];
  return started;
}

export interface Refusal {
  status: number;
  code: string;
}

type Answer = object | Refusal;

let links = 0;
const link = () => ({ id: `i_${++links}`, participant: `p_${links}`, code: "c", url: `https://motesrum.gavle.example/j/4kq8Xw2nR7vT1bZc9L${String(links).padStart(4, "0")}`, expires_at: ago(-7 * 24 * 60) });

const SIGNED_OUT: Refusal = { status: 401, code: "session_missing" };

const interpreter: StaffSession = { ...session, name: "Amina Haddad", role: "interpreter", sites: [] };
const me: PoolBoard["me"] = { name: "Amina Haddad", languages: ["ar", "sv", "so"], kind: "spoken", sites: [], available_until: ago(-150) };
const room = (meeting: string, more: Partial<PoolBoard["rooms"][number]> = {}): PoolBoard["rooms"][number] => ({
  meeting, participant: "p_amina", alias: "Samira med familj", site_name: SITE.name, room: "Rum 2", languages: ["ar"], planned_at: null, kind: "spoken", floor: false, paused: false, ...more,
});
const board: PoolBoard = {
  revision: 1, me, rooms: [room("m_1"), room("m_2", { alias: "Yonas", site_name: "Servicekontoret Sandviken", room: null })],
  waiting: [
    { call: "k_1", site_name: "Servicekontoret Gävle", language: "so", kind: "spoken", since: ago(7), place: 1 },
    { call: "k_2", site_name: "Servicekontoret Norrköping", language: "ar", kind: "spoken", since: ago(2), place: 2 },
  ],
};
const nothing: PoolBoard = { revision: 1, me: { ...me, languages: [], available_until: null }, rooms: [], waiting: [] };

/** By method and path; the first that fits is taken. */
const ANSWERS: [RegExp, () => Answer][] = [
  [/^GET \/staff\/session$/, () => session],
  [/^GET \/staff\/sign-in$/, () => ({ provider: "Gävle kommun" })],
  [/^POST \/staff\/session$/, () => ({ status: 410, code: "staff_link_used" })],
  [/^GET \/catalogue$/, () => catalogue],
  [/^GET \/meetings\?/, () => ({ meetings: meetings() })],
  [/^GET \/meetings\/m_2$/, () => meetings()[1]],
  [/^POST \/meetings\/\w+\/invitations$/, link],
  [/^GET \/screens$/, () => ({ screens })],
  ...AUTHORITY,
  [/^POST \/screen\/code$/, () => ({ code: "7KM4X2PD", expires_at: ago(-9) })],
];

const UNPAIRED = { state: "unpaired", version: 0, name: null, site_name: null };
const PAIRED = { state: "idle", version: 3, name: "Rum 2", site_name: SITE.name };

/** Instead of those above, by the name of the scene. */
const INSTEAD: Record<string, [RegExp, () => Answer][]> = {
  "pool-home": [[/^GET \/staff\/session$/, () => interpreter], [/^GET \/pool/, () => board]],
  "pool-away": [[/^GET \/staff\/session$/, () => interpreter], [/^GET \/pool/, () => nothing]],
  "staff-signed-out": [[/^GET \/staff\/session$/, () => SIGNED_OUT]],
  admin: [[/^GET \/staff\/session$/, ADMIN]],
  agency: [[/^GET \/staff\/session$/, AGENCY]],
  "staff-empty": [[/^GET \/meetings\?/, () => ({ meetings: [] })]],
  "staff-failed": [[/^GET \/meetings\?/, () => ({ status: 503, code: "store_unavailable" })]],
  "screen-code": [[/^GET \/screen/, () => UNPAIRED]],
  "screen-start": [[/^GET \/screen/, () => PAIRED]],
  "screen-welcome": [[/^GET \/screen/, () => PAIRED]],
};

export function answersOf(scene: string): (method: string, path: string) => { status: number; body: object } {
  const known = [...(INSTEAD[scene] ?? []), ...ANSWERS];
  return (method, path) => {
    const answer = known.find(([wanted]) => wanted.test(`${method} ${path}`))?.[1]() ?? { status: 404, code: "not_found" };
    const refused = "code" in answer && "status" in answer;
    return { status: refused ? Number(answer.status) : 200, body: answer };
  };
}
