/** Made-up meetings for the gallery. */
import type { Message, Participant, Phase, Role, Snapshot, Station } from "../wire";
import { booth, interpreting, waiting } from "./interpreting";

const MINUTE = 60_000;
export const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE).toISOString();

export const NAMES: Record<string, Record<string, string>> = {
  migrationsverket: { sv: "Migrationsverket", en: "Swedish Migration Agency", ar: "مصلحة الهجرة", fa: "ادارهٔ مهاجرت", so: "Laanta Socdaalka", ti: "ቤት ጽሕፈት ኢሚግረሽን" },
  skatteverket: { sv: "Skatteverket", en: "Swedish Tax Agency", ar: "مصلحة الضرائب", fa: "ادارهٔ مالیات", so: "Hay’adda Canshuuraha", ti: "ቤት ጽሕፈት ግብሪ" },
  forsakringskassan: { sv: "Försäkringskassan", en: "Social Insurance Agency", ar: "صندوق التأمينات الاجتماعية", fa: "ادارهٔ بیمه‌های اجتماعی", so: "Qasnadda Caymiska", ti: "ካሳ መድሕን" },
  arbetsformedlingen: { sv: "Arbetsförmedlingen", en: "Public Employment Service", ar: "مكتب العمل", fa: "ادارهٔ کار", so: "Xafiiska Shaqada", ti: "ቤት ጽሕፈት ስራሕ" },
  kommun: { sv: "Gävle kommun", en: "Gävle municipality", ar: "بلدية يافله", fa: "شهرداری یوله", so: "Degmada Gävle", ti: "ምምሕዳር ጋቭለ" },
};

const PURPOSES: Record<string, Record<string, string>> = {
  "Folkbokföring och personnummer": {
    sv: "Folkbokföring och personnummer",
    en: "Population registration and personal identity number",
    ar: "تسجيل سكنكم في السويد والحصول على الرقم الشخصي",
    fa: "ثبت نفوس در سویدن و گرفتن نمبر شخصی",
    so: "Diiwaangelinta dadweynaha iyo helidda lambarka shakhsiga",
    ti: "ኣብ ሽወደን ምምዝጋብን ውልቃዊ ቁጽሪ ምርካብን",
  },
  "Barnbidrag och socialförsäkring": {
    sv: "Barnbidrag och socialförsäkring",
    en: "Child allowance and social insurance",
    ar: "إعانة الأطفال والتأمينات الاجتماعية",
    fa: "کمک‌هزینهٔ اطفال و بیمهٔ اجتماعی",
    so: "Gunnada carruurta iyo caymiska bulshada",
    ti: "ገንዘብ ቆልዑን ማሕበራዊ መድሕንን",
  },
};

export function station(number: number, agency: string, purpose: string, minutes: number, more: Partial<Station> = {}): Station {
  return {
    number, position: number, agency, agency_name: NAMES[agency], purpose, purpose_text: PURPOSES[purpose] ?? {}, state: "planned", minutes,
    started_at: null, ended_at: null, expected_start: null, officers: [], sent_away: [], break_after: 0, stood_still: 0, ...more,
  };
}

function person(id: string, role: Role, name: string, more: Partial<Participant> = {}): Participant {
  return {
    id, role, kind: role === "interpreter" ? "spoken" : null, name, agency: null, station: null, language: "sv", place: "elsewhere", phase: "room", ready: false,
    present: true, since: ago(4), excluded: false, ...more,
  };
}

export const stations = (): Station[] => [
  station(1, "migrationsverket", "Uppehållstillstånd och kort", 20, {
    state: "done", started_at: ago(35), ended_at: ago(17), officers: [{ participant: "p_per", name: "Per Sandin", present: false, ready: false, came: true }],
  }),
  station(2, "skatteverket", "Folkbokföring och personnummer", 25, {
    state: "active", started_at: ago(13), officers: [{ participant: "p_karin", name: "Karin Lund", present: true, ready: false, came: true }],
  }),
  station(3, "forsakringskassan", "Barnbidrag och socialförsäkring", 25, {
    state: "called", expected_start: ago(-15), break_after: 10, officers: [{ participant: "p_maria", name: "Maria Holm", present: true, ready: true, came: true }],
  }),
  station(4, "arbetsformedlingen", "Etableringsprogrammet", 25, {
    expected_start: ago(-45), officers: [{ participant: "p_daniel", name: "Daniel Nyström", present: false, ready: false, came: true }],
  }),
  station(5, "kommun", "Bostad, skola och förskola", 20, { expected_start: ago(-75) }),
];

const people = (): Participant[] => [
  person("p_new", "newcomer", "Samira med familj", { language: "ar", place: "on_site" }),
  person("p_lena", "host", "Lena Ek", { place: "on_site" }),
  person("p_amina", "interpreter", "Amina Haddad", { language: "ar" }),
  person("p_karin", "officer", "Karin Lund", { agency: "skatteverket", station: 2 }),
  person("p_maria", "officer", "Maria Holm", { agency: "forsakringskassan", station: 3, phase: "lobby", ready: true }),
  person("p_yusuf", "companion", "Yusuf", { phase: "lobby" }),
];

const line = (more: Partial<Message> = {}): Message => ({
  id: "x1", at: ago(2), sender: "p_lena", sender_name: "Lena Ek", role: "host", text: "Vi är några minuter sena. Barnet är med i rummet.", station: null, line: "p_maria", ...more,
});

const LEADING = ["start", "finish", "skip", "addStation", "moveStation", "extendStation", "pause", "resume", "end", "invite", "admit", "remove", "askConsent", "withdrawQuestion"];
const OWNING = ["remove", "pause", "resume", "end", "admit", "exclude", "include", "answerConsent", "revokeConsent"];
const COMMON = ["ready", "setLanguage", "setPlace", "signal"];
const may = (actions: string[]) => ["chat.send", "text.type", "interpret.listen", ...actions.map((action) => `meeting.${action}`)];

const MAY: Partial<Record<Role, string[]>> = {
  host: [...may([...COMMON, ...LEADING]), "interpret.call", "interpret.withdrawCall"],
  newcomer: may([...COMMON, ...OWNING]),
  interpreter: [...may(COMMON), ...["direction", "mode", "relay", "offerHandover", "acceptHandover", "withdrawHandover", "addTerm", "removeTerm"].map((action) => `interpret.${action}`)],
};

/** Interpreters beside the one who speaks. */
const others = {
  text: person("p_nils", "interpreter", "Nils Öberg", { kind: "text" }),
  sign: person("p_disa", "interpreter", "Disa Fors", { kind: "sign" }),
};

function withOther(kind: "text" | "sign", snapshot: Snapshot): Snapshot {
  return { ...snapshot, participants: [...snapshot.participants, others[kind]] };
}

function base(id: string, phase: Phase = "room"): Snapshot {
  const me = [...people(), others.text, others.sign].find((one) => one.id === id)!;
  return {
    you: {
      participant: id, role: me.role, kind: me.kind, name: me.name, language: me.language, agency: me.agency, station: me.station, place: me.place,
      phase, ready: me.ready, may: MAY[me.role] ?? may(COMMON),
    },
    meeting: {
      id: "m_1", site: "gavle", site_name: "Servicekontoret Gävle", time_zone: "Europe/Stockholm", alias: "Samira med familj", people: { adults: 2, children: 1 }, languages: ["ar"],
      planned_at: ago(35), route: "1", room: "Rum 2", state: "open", paused_since: null, interpreter: "Amina Haddad",
    },
    stations: stations(), participants: people(), messages: [], question: null, consents: [], queue: null, now: new Date().toISOString(),
    pool: { calls: [], elsewhere: false },
    interpreting: phase === "room" ? interpreting(me.role) : waiting(me.language),
  };
}

function lobby(): Snapshot {
  const snapshot = base("p_maria", "lobby");
  return {
    ...snapshot,
    you: { ...snapshot.you, ready: false },
    stations: stations().filter((one) => one.number === 3),
    participants: people().filter((one) => one.id === "p_maria"),
    messages: [line()],
    queue: { place: 1, expected_start: ago(-15) },
  };
}

function officer(): Snapshot {
  const snapshot = base("p_karin");
  return {
    ...snapshot,
    stations: stations().filter((one) => one.number === 2),
    participants: people().filter((one) => one.phase === "room"),
    messages: [line({ line: null, text: "Amina hör dåligt, tala gärna lite högre." })],
  };
}

function between(): Snapshot {
  const all = stations();
  all[1] = { ...all[1], state: "done", ended_at: ago(1) };
  all[2] = { ...all[2], expected_start: ago(-5) };
  return { ...base("p_new"), stations: all, participants: people().filter((one) => one.id !== "p_karin") };
}

/** Nobody there yet. */
function alone(): Snapshot {
  const all = stations().map((one) => ({ ...one, state: "planned" as const, started_at: null, ended_at: null, expected_start: ago(-5 - 30 * one.number) }));
  return { ...base("p_new"), stations: all, participants: people().map((one) => (one.id === "p_new" ? one : { ...one, present: false })) };
}

function allDone(): Snapshot {
  const all = stations().map((one) => ({ ...one, state: "done" as const, started_at: ago(30), ended_at: ago(2) }));
  return { ...base("p_new"), stations: all, participants: people().filter((one) => one.role !== "officer") };
}

/** Late in a long day, with everybody who may be there. */
function everybody(): Snapshot {
  const all = stations().map((one) => (one.number < 4 ? { ...one, state: "done" as const, ended_at: ago(14) } : one));
  all[3] = { ...all[3], state: "active", started_at: ago(13), expected_start: null };
  const daniel = person("p_daniel", "officer", "Daniel Nyström", { agency: "arbetsformedlingen", station: 4 });
  const others = people().filter((one) => one.role !== "officer").map((one) => ({ ...one, phase: "room" as const, place: one.role === "companion" ? ("on_site" as const) : one.place }));
  return { ...base("p_new"), stations: all, participants: [...others, daniel] };
}

/** A station goes on and its officer is not there. */
const unanswered = (): Snapshot => ({ ...base("p_new"), participants: people().filter((one) => one.id !== "p_karin") });

/** Nobody stands in for whom the newcomer has asked to leave. */
function sentAway(who: string, by: "newcomer" | "host" = "newcomer"): Snapshot {
  const all = stations();
  all[1] = { ...all[1], officers: [], sent_away: [{ participant: "p_karin", name: "Karin Lund", by }] };
  return { ...base(who), stations: all, participants: people().filter((one) => one.id !== "p_karin") };
}

function overTime(): Snapshot {
  const all = stations();
  all[1] = { ...all[1], started_at: ago(29) };
  return { ...base("p_new"), stations: all };
}

const agreed = (snapshot: Snapshot): Snapshot => ({ ...snapshot, consents: [{ id: "k", kind: "together", stations: [2, 3], at: ago(3) }] });

const paused = (snapshot: Snapshot): Snapshot => ({ ...snapshot, meeting: { ...snapshot.meeting, state: "paused", paused_since: ago(0) } });
const asked = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  question: { id: "q_1", kind: "together", stations: [2, 3], asked_at: ago(0), lapses_at: ago(-3) },
});

function atDesk(time: string): Snapshot {
  const snapshot = base("p_amina");
  return {
    ...snapshot,
    participants: [...snapshot.participants, person("p_samir", "interpreter", "Samir Aziz")],
    interpreting: { ...snapshot.interpreting, ...booth[time]() },
  };
}

/** Who interprets in signs, beside Amina. */
function signing(): Snapshot {
  const snapshot = withOther("sign", base("p_disa"));
  const hands = { ...booth.colleague().interpreters![0], participant: "p_disa", into: null, source: null, since: ago(12) };
  return { ...snapshot, interpreting: { ...snapshot.interpreting, interpreters: [...snapshot.interpreting.interpreters, hands] } };
}

/** The room waits for interpreters, or theirs is in another one. */
const calling = (snapshot: Snapshot, elsewhere = false): Snapshot => ({
  ...snapshot,
  participants: snapshot.participants.filter((one) => one.role !== "interpreter"),
  interpreting: waiting(snapshot.you.language),
  pool: {
    calls: [
      { id: "k_1", language: "ar", kind: "spoken", since: ago(4), lapses_at: ago(-11), place: 2 },
      { id: "k_2", language: "sv", kind: "sign", since: ago(1), lapses_at: ago(-14), place: 1 },
    ].slice(0, elsewhere ? 0 : 2) as Snapshot["pool"]["calls"],
    elsewhere,
  },
});

export const scenes: Record<string, () => Snapshot> = {
  "newcomer-talking": () => base("p_new"),
  "newcomer-consent": () => asked(base("p_new")),
  "newcomer-paused": () => paused(base("p_new")),
  "newcomer-between": between,
  "newcomer-alone": alone,
  "newcomer-finished": allDone,
  "newcomer-unanswered": unanswered,
  "newcomer-sent-away": () => sentAway("p_new"),
  "newcomer-officer-removed": () => sentAway("p_new", "host"),
  "newcomer-everybody": everybody,
  "newcomer-over-time": overTime,
  "newcomer-agreed": () => agreed(base("p_new")),
  "newcomer-calling": () => calling(base("p_new")),
  "newcomer-elsewhere": () => calling(base("p_new"), true),
  "host-calling": () => calling(base("p_lena")),
  "officer-calling": () => calling(officer()),
  "companion-elsewhere": () => calling(base("p_yusuf"), true),
  "newcomer-text": () => withOther("text", base("p_new")),
  "newcomer-sign": () => withOther("sign", withOther("text", base("p_new"))),
  "newcomer-sign-consent": () => withOther("sign", asked(base("p_new"))),
  "newcomer-text-between": () => withOther("text", between()),
  "host-text": () => withOther("sign", withOther("text", base("p_lena"))),
  "officer-text": () => withOther("text", officer()),
  "officer-sign": () => withOther("sign", officer()),
  "text-interpreter": () => withOther("text", base("p_nils")),
  "companion-text": () => withOther("text", base("p_yusuf")),
  host: () => ({ ...base("p_lena"), messages: [line()], consents: [{ id: "k", kind: "together", stations: [2, 3], at: ago(3) }] }),
  "host-sent-away": () => sentAway("p_lena"),
  "host-between": () => ({ ...between(), you: base("p_lena").you }),
  "host-paused": () => paused(asked(base("p_lena"))),
  "officer-lobby": lobby,
  "officer-room": officer,
  "officer-done": () => ({ ...officer(), you: { ...officer().you, ready: true } }),
  "officer-paused": () => paused({ ...officer(), participants: [] }),
  "officer-finished": () => ({ ...officer(), you: { ...officer().you, phase: "finished" } }),
  interpreter: () => base("p_amina"),
  "interpreter-colleague": () => atDesk("colleague"),
  "interpreter-offered": () => atDesk("offered"),
  "interpreter-counting": () => atDesk("counting"),
  "interpreter-resting": () => atDesk("resting"),
  "interpreter-asked": () => atDesk("asked"),
  "interpreter-relay": () => atDesk("relay"),
  "interpreter-between": () => ({ ...between(), you: base("p_amina").you, interpreting: interpreting("interpreter") }),
  "interpreter-paused": () => paused(base("p_amina")),
  "interpreter-signing": signing,
  "companion-lobby": () => ({ ...base("p_yusuf", "lobby"), stations: [], participants: people().filter((one) => one.id === "p_yusuf") }),
  companion: () => base("p_yusuf"),
  ended: () => ({ ...base("p_new"), meeting: { ...base("p_new").meeting, state: "ended" } }),
};
