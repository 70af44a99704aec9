/** A meeting while it is being planned: what it is made of, its times, what is still wrong with it, and what the server is asked. */
import { clock, day, instantAt } from "../time";
import type { Catalogue, InterpreterKind, InviteRequest, MeetingChange, MeetingResource, NewMeeting, Station } from "../wire";

export interface DraftStation {
  key: number;
  agency: string;
  /** The id of one of the agency's purposes, or somebody's own words. */
  purpose: string;
  minutes: number;
  officer: string;
}

export type Interpreter = "named" | "on_site" | "none";

export interface Draft {
  site: string;
  alias: string;
  adults: number;
  children: number;
  language: string;
  /** Further languages of the family. */
  also: string[];
  companion: boolean;
  companionName: string;
  date: string;
  time: string;
  room: string;
  route: string;
  stations: DraftStation[];
  /** Minutes of rest after the station in the same place; what follows the last one counts for nothing. */
  breaks: number[];
  interpreter: Interpreter;
  /** Of what `kindsFor` has; anything else stands for the first of those. */
  kind: InterpreterKind;
  interpreterName: string;
}

export type Step = "people" | "stations" | "interpreter" | "links";
export const STEPS: readonly Step[] = ["people", "stations", "interpreter", "links"];
/** Stations without a route of the catalogue. */
export const OWN = "own";

export const STEP = 5;
export const SHORTEST = 5;
export const LONGEST = 240;
export const LONGEST_BREAK = 60;
const USUAL = 25;
const USUAL_BREAK = 10;
const MOST_STATIONS = 20;
const MOST_PEOPLE = 500;

export function blank(site: string, date: string, time: string): Draft {
  return {
    site, date, time, alias: "", adults: 1, children: 0, language: "", also: [], companion: false, companionName: "", room: "", route: "",
    stations: [], breaks: [], interpreter: "named", kind: "spoken", interpreterName: "",
  };
}

let keys = 0;

function station(agency: string, purpose: string, minutes: number): DraftStation {
  return { key: ++keys, agency, purpose, minutes, officer: "" };
}

/** After a reload, keys go on above those that the draft has. */
export function continueAfter(draft: Draft): void {
  keys = Math.max(keys, ...draft.stations.map((one) => one.key));
}

export function follow(draft: Draft, catalogue: Catalogue, route: string): void {
  draft.route = route;
  const chosen = catalogue.routes.find((one) => one.id === route);
  if (!chosen) return;
  draft.stations = chosen.stations.map((one) => station(one.agency, one.purpose, one.minutes));
  draft.breaks = draft.stations.map(() => 0);
}

export function add(draft: Draft, agency: string, purpose: string): void {
  if (draft.stations.length >= MOST_STATIONS) return;
  draft.stations.push(station(agency, purpose, USUAL));
  draft.breaks.push(0);
}

/** Breaks keep their place in the day; the stations move around them. */
export function move(draft: Draft, from: number, to: number): void {
  if (to < 0 || to >= draft.stations.length) return;
  const [moved] = draft.stations.splice(from, 1);
  draft.stations.splice(to, 0, moved);
}

/** A break after the station that goes stands after the one before it. */
export function remove(draft: Draft, at: number): void {
  draft.stations.splice(at, 1);
  const [rest] = draft.breaks.splice(at, 1);
  if (at > 0) draft.breaks[at - 1] = Math.max(draft.breaks[at - 1], rest);
}

/** In the middle of the day, or in the nearest place after that which has none; where it went. */
export function addBreak(draft: Draft): number {
  const places = draft.stations.slice(0, -1).map((_, at) => at);
  const middle = Math.floor((places.length - 1) / 2);
  const free = [...places.slice(middle), ...places.slice(0, middle)].find((at) => !draft.breaks[at]);
  if (free === undefined) return -1;
  draft.breaks[free] = USUAL_BREAK;
  return free;
}

export function moveBreak(draft: Draft, from: number, to: number): void {
  if (to < 0 || to >= draft.stations.length - 1) return;
  [draft.breaks[from], draft.breaks[to]] = [draft.breaks[to], draft.breaks[from]];
}

export function bounded(minutes: number, longest: number): number {
  return Math.min(longest, Math.max(SHORTEST, minutes));
}

export interface Times {
  start: string;
  end: string;
}

/** When each station begins and ends, as times of day. */
export function times(draft: Draft): Times[] {
  let at = minuteOfDay(draft.time);
  return draft.stations.map((one, place) => {
    const start = at;
    const end = start + one.minutes;
    at = end + (draft.breaks[place] ?? 0);
    return { start: timeOfDay(start), end: timeOfDay(end) };
  });
}

function minuteOfDay(time: string): number {
  const [hours, minutes] = time.split(":").map(Number);
  return (hours || 0) * 60 + (minutes || 0);
}

function timeOfDay(minute: number): string {
  const within = minute % (24 * 60);
  return `${String(Math.floor(within / 60)).padStart(2, "0")}:${String(within % 60).padStart(2, "0")}`;
}

/** The half hour that comes next. */
export function nextHalfHour(now: string): string {
  return timeOfDay(Math.ceil((minuteOfDay(now) + 1) / 30) * 30);
}

/** Field → key of the text that says what is wrong, in the order of the page. */
export function problems(draft: Draft, step: Step, today: string): Map<string, string> {
  const found = new Map<string, string>();
  const demand = (field: string, holds: boolean, key: string) => {
    if (!holds) found.set(field, `create.wrong.${key}`);
  };
  if (step === "people") {
    demand("alias", draft.alias.trim() !== "", "alias");
    demand("alias", !/\d{6,8}[-+ ]?\d{4}/.test(draft.alias), "identity");
    const whole = (count: number) => Number.isInteger(count) && count >= 0;
    const people = draft.adults + draft.children;
    demand("adults", whole(draft.adults) && whole(draft.children) && people >= 1 && people <= MOST_PEOPLE, "people");
    demand("language", draft.language !== "", "language");
    demand("date", draft.date !== "", "date");
    demand("date", draft.date === "" || draft.date >= today, "past");
    demand("time", /^\d\d:\d\d$/.test(draft.time), "time");
  }
  if (step === "stations") {
    demand("stations", draft.stations.length > 0, "stations");
    for (const one of draft.stations) demand(`purpose-${one.key}`, one.purpose.trim() !== "", "purpose");
  }
  if (step === "interpreter") {
    demand("interpreterName", draft.interpreter !== "named" || !interpreted(draft) || draft.interpreterName.trim() !== "", "interpreter");
  }
  return found;
}

const SIGNED = "swl";
const HOME = "sv";

/** A signed language is not spoken. */
export function kindsFor(language: string): InterpreterKind[] {
  return language === SIGNED ? ["sign", "text"] : ["spoken", "sign", "text"];
}

export function kindOf(draft: Draft): InterpreterKind {
  const kinds = kindsFor(draft.language);
  return kinds.includes(draft.kind) ? draft.kind : kinds[0];
}

/** Each of the family's languages once, the first one first. */
export const languagesOf = (draft: Draft): string[] => [...new Set([draft.language, ...draft.also].filter(Boolean))];

/** In Swedish nobody speaks for anybody; somebody may sign or write. */
export const interpreted = (draft: Draft): boolean => [draft.language, ...draft.also.filter(Boolean)].some((one) => one !== HOME) || kindOf(draft) !== "spoken";

export function asRequest(draft: Draft, timeZone: string): NewMeeting {
  const last = draft.stations.length - 1;
  return {
    site: draft.site,
    ...(draft.route && draft.route !== OWN ? { route: draft.route } : {}),
    alias: draft.alias.trim(),
    planned_at: instantAt(draft.date, draft.time, timeZone),
    languages: languagesOf(draft),
    people: { adults: draft.adults, children: draft.children },
    ...(draft.room.trim() ? { room: draft.room.trim() } : {}),
    stations: draft.stations.map((one, at) => ({
      agency: one.agency,
      purpose: one.purpose.trim(),
      minutes: one.minutes,
      break_after: at === last ? 0 : (draft.breaks[at] ?? 0),
    })),
  };
}

/** A meeting that is planned already, to be changed: the same as what the first step of a new one asks for. */
export function draftOf(meeting: MeetingResource, now: number): Draft {
  const at = new Date(meeting.planned_at ?? now);
  const [language = "", ...also] = meeting.languages;
  const { adults, children } = meeting.people;
  return {
    ...blank(meeting.site, day(0, meeting.time_zone, at), clock(at.getTime(), HOME, meeting.time_zone)),
    alias: meeting.alias, adults: adults ?? 1, children: children ?? 0, language, also, room: meeting.room ?? "",
  };
}

export function asChange(draft: Draft, timeZone: string): MeetingChange {
  return {
    alias: draft.alias.trim(),
    planned_at: instantAt(draft.date, draft.time, timeZone),
    languages: languagesOf(draft),
    people: { adults: draft.adults, children: draft.children },
    room: draft.room.trim(),
  };
}

/** A link that somebody needs. `station` where it is an officer's. */
export interface Wanted {
  key: string;
  name: string;
  station: Station | null;
  request: InviteRequest;
}

/** Everybody who needs a link to the meeting that was made of the draft. */
export function wanted(draft: Draft, made: MeetingResource): Wanted[] {
  const named = (name: string) => (name.trim() ? { name: name.trim() } : {});
  const stations = [...made.stations].sort((one, other) => one.position - other.position);
  const links: Wanted[] = [
    { key: "newcomer", name: made.alias, station: null, request: { role: "newcomer" } },
    ...stations.map((station, at) => ({
      key: `officer-${station.number}`,
      name: draft.stations[at]?.officer.trim() ?? "",
      station,
      request: { role: "officer" as const, agency: station.agency, station: station.number, ...named(draft.stations[at]?.officer ?? "") },
    })),
  ];
  if (interpreted(draft) && draft.interpreter !== "none") {
    const place = draft.interpreter === "on_site" ? ({ place: "on_site" } as const) : {};
    links.splice(1, 0, {
      key: "interpreter", name: draft.interpreterName.trim(), station: null,
      request: { role: "interpreter", kind: kindOf(draft), ...named(draft.interpreterName), ...place },
    });
  }
  if (draft.companion) {
    links.push({ key: "companion", name: draft.companionName.trim(), station: null, request: { role: "companion", ...named(draft.companionName) } });
  }
  return links;
}
