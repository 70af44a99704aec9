/** What a made-up service answers to those who keep it, to an agency's administrator and to who looks back, for the gallery. */
import type { Account, AdminSession, AgencyGrant, AgencyKey, HeardRow, KeptAgency, LetIn, OwnSession } from "../wire";
import { ago, NAMES } from "./scenes";

const DAY = 24 * 60;
const LATER = ago(-30 * DAY);

const key = (kid: string, until: string | null = null): AgencyKey => ({ kid, alg: "EdDSA", jwk: { kty: "OKP", crv: "Ed25519" }, added_at: ago(90 * DAY), until });
const keys = [key("2026-hosten", ago(-DAY)), key("nyckel-till-arendesystemet-2027")];

const grant = (participant: string, name: string, more: Partial<AgencyGrant> = {}): AgencyGrant => ({
  meeting: "m_2", site: "gavle", station: 2, participant, subject: "o-17", name, phase: "room", present: true, since: ago(13), ...more,
});

type Heard = HeardRow["listener"];
const newcomer: Heard = { participant: null, name: null, role: "newcomer", agency: null, station: null };
const interpreter: Heard = { ...newcomer, role: "interpreter" };
const karin: Heard = { participant: "p_karin", name: "Karin Lund", role: "officer", agency: "skatteverket", station: 2 };
const heard = (listener: Heard, source: Heard, begins: number, ends: number | null, sources = ["camera", "microphone"]): HeardRow => ({
  meeting: "m_2", time_zone: "Europe/Stockholm", listener, source, sources, stations: [2], begins: ago(begins), ends: ends === null ? null : ago(ends),
});
const rows = [
  heard(karin, newcomer, 35, 20), heard(newcomer, karin, 35, 20), heard(karin, interpreter, 34, 20, ["interpretation"]),
  heard(karin, newcomer, 16, null), heard(newcomer, karin, 16, null), heard(karin, interpreter, 16, null, ["interpretation"]),
];
const whole = rows.map((row) => ({ ...row, source: row.source.role === "newcomer" ? { ...row.source, participant: "p_new", name: "Samira med familj" } : row.source }));

const own: OwnSession[] = [
  { id: "ss_1", began_at: ago(40), expires_at: ago(-600), here: true },
  { id: "ss_2", began_at: ago(400), expires_at: ago(-200), here: false },
];

const account = (id: string, login: string, name: string, more: Partial<Account> = {}): Account => ({
  id, login, name, role: "host", sites: ["gavle"], agency: null, taken_up: true, locked: false, waits_until: null, ...more,
});
const accounts = [
  account("ac_1", "lena.ek", "Lena Ek"),
  account("ac_2", "bengt.karlsson-lindqvist", "Bengt Karlsson Lindqvist", { sites: ["gavle", "sandviken"], waits_until: ago(-12) }),
  account("ac_3", "anna.ask", "Anna Ask", { role: "agency_admin", sites: [], agency: "skatteverket", taken_up: false }),
  account("ac_4", "per.sandin", "Per Sandin", { locked: true }),
  account("ac_5", "ada", "Ada Öberg", { role: "admin", sites: [] }),
];
const session = (id: string, name: string, more: Partial<AdminSession> = {}): AdminSession => ({
  id, name, role: "host", sites: ["gavle"], agency: null, by: "password", began_at: ago(50), expires_at: ago(-600), here: false, ...more,
});
const sessions = [
  session("ss_1", "Ada Öberg", { role: "admin", sites: [], here: true }),
  session("ss_2", "Lena Ek", { by: "oidc" }),
  session("ss_3", "Anna Ask", { role: "agency_admin", sites: [], agency: "skatteverket", by: "link", began_at: ago(500) }),
];
const agencies: KeptAgency[] = Object.entries(NAMES).map(([id, name], at) => ({ id, name, keys: at === 1 ? keys : at === 2 ? keys.slice(0, 1) : [] }));

const lettingIn = (participant: string, role: LetIn["role"], name: string, more: Partial<LetIn> = {}): LetIn => ({
  participant, role, name, agency: null, agency_name: {}, station: null, phase: "room", by: ["link"], until: null, devices: ["screen"], revocable: true, ...more,
});
const officer = (agency: string, station: number) => ({ agency, agency_name: NAMES[agency], station });

/** Who is let in to the meeting of the scenes. */
export const letIn: LetIn[] = [
  lettingIn("p_new", "newcomer", "Samira med familj", { by: ["screen", "link"], devices: ["phone", "screen"] }),
  lettingIn("p_lena", "host", "Lena Ek", { by: ["staff"], revocable: false }),
  lettingIn("p_amina", "interpreter", "Amina Haddad", { devices: [] }),
  lettingIn("p_karin", "officer", "Karin Lund", { ...officer("skatteverket", 2), by: ["assertion"] }),
  lettingIn("p_maria", "officer", "Maria Holm", { ...officer("forsakringskassan", 3), phase: "lobby" }),
  lettingIn("p_daniel", "officer", "Daniel Nyström", { ...officer("arbetsformedlingen", 4), phase: "lobby", until: LATER, devices: [] }),
];

const somebody = (role: "admin" | "agency_admin", name: string, agency: string | null = null) => ({
  name, role, agency, sites: [], time_zone: "Europe/Stockholm", expires_at: ago(-600),
});

/** By method and path. */
export const AUTHORITY: [RegExp, () => object][] = [
  [/^GET \/agencies\/\w+\/keys$/, () => ({ keys })],
  [/^GET \/agencies\/\w+\/grants$/, () => ({ grants: [grant("p_karin", "Karin Lund"), grant("p_nils", "Nils Berggren", { phase: "lobby", site: "sandviken" }), grant("p_ida", "Ida Ström", { present: false })] })],
  [/^GET \/agencies\/\w+\/hearing/, () => ({ rows })],
  [/^GET \/meetings\/\w+\/hearing$/, () => ({ rows: whole })],
  [/^GET \/staff\/sessions$/, () => ({ sessions: own })],
  [/^GET \/admin\/agencies$/, () => ({ agencies })],
  [/^GET \/admin\/accounts$/, () => ({ accounts })],
  [/^GET \/admin\/sessions$/, () => ({ sessions })],
  [/^POST \/staff\/account\/link$/, () => ({ login: "lena.ek", name: "Lena Ek", secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", address: "otpauth://totp/M%C3%B6tesrum:lena.ek?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=M%C3%B6tesrum" })],
];

export const ADMIN = () => somebody("admin", "Ada Öberg");
export const AGENCY = () => somebody("agency_admin", "Anna Ask", "skatteverket");
