/** A meeting on the start page: what is missing, where it stands, and what to do next. */
import type { IconName } from "../../tools/icons.ts";
import { isUnnamed } from "../roles";
import { minutesUntil, progress } from "../time";
import type { MeetingResource, Station } from "../wire";

/** A text by its key, with what it is filled with. */
export interface Words {
  key: string;
  values: Record<string, string | number>;
}

export interface Status {
  tone: "idle" | "done" | "now" | "wait" | "stop";
  icon: IconName;
  words: Words;
}

export type Missing = { what: "interpreter" } | { what: "officer"; station: Station };
export type NextStep = "enter" | "open" | "inviteInterpreter" | "show";

const SOON = 15;
const LATE = 5;
const HOUR = 60;
const DAY = 24 * HOUR;

const words = (key: string, values: Words["values"] = {}): Words => ({ key, values });

export function inOrder(meeting: MeetingResource): Station[] {
  return [...meeting.stations].sort((one, other) => one.position - other.position);
}

export function active(meeting: MeetingResource): Station | undefined {
  return inOrder(meeting).find((station) => station.state === "active");
}

export const isOver = (station: Station): boolean => station.state === "done" || station.state === "skipped";

export function interpreterOf(meeting: MeetingResource): string | null {
  const booked = meeting.participants.find((person) => person.role === "interpreter");
  return booked ? (isUnnamed(booked) ? "" : booked.name) : null;
}

export function needsInterpreter(meeting: MeetingResource): boolean {
  return meeting.languages.some((language) => language !== "sv");
}

/** What somebody has to see to before the meeting can be held as planned. */
export function missing(meeting: MeetingResource): Missing[] {
  if (meeting.state === "ended") return [];
  const unmanned = inOrder(meeting).filter((station) => !isOver(station) && station.officers.length === 0);
  return [
    ...(needsInterpreter(meeting) && interpreterOf(meeting) === null ? [{ what: "interpreter" } as const] : []),
    ...unmanned.map((station) => ({ what: "officer", station }) as const),
  ];
}

/** `clock` writes an instant as a time of day. */
export function status(meeting: MeetingResource, now: number, clock: (instant: string) => string): Status {
  if (meeting.state === "ended") {
    const over = meeting.ended_at ? words("staff.status.endedAt", { time: clock(meeting.ended_at) }) : words("meetingState.ended");
    return { tone: "done", icon: "check", words: over };
  }
  if (meeting.state === "paused") return paused(meeting, now);
  return begun(meeting, now, clock) ?? waiting(meeting, now, clock);
}

function paused(meeting: MeetingResource, now: number): Status {
  const minutes = meeting.paused_since ? Math.max(0, -minutesUntil(meeting.paused_since, now)) : 0;
  return { tone: "wait", icon: "pause", words: words("staff.status.paused", { n: minutes }) };
}

function begun(meeting: MeetingResource, now: number, clock: (instant: string) => string): Status | null {
  const station = active(meeting);
  const time = station ? progress(station, now) : null;
  if (time && time.left < 0) return { tone: "wait", icon: "clock", words: words("staff.status.over", { n: -time.left }) };
  if (time) return { tone: "now", icon: "now", words: words("staff.status.left", { n: time.left }) };
  const rest = restUntil(meeting, now);
  if (rest) return { tone: "wait", icon: "break", words: words("staff.status.rest", { time: clock(rest) }) };
  return meeting.stations.some(isOver) ? { tone: "now", icon: "now", words: words("staff.status.between") } : null;
}

/** The end of the break that goes on. */
export function restUntil(meeting: MeetingResource, now: number): string | null {
  if (active(meeting)) return null;
  const ended = meeting.stations.filter((station) => station.state === "done" && station.ended_at);
  const last = ended.sort((one, other) => one.ended_at!.localeCompare(other.ended_at!)).at(-1);
  if (!last?.break_after) return null;
  const until = Date.parse(last.ended_at!) + last.break_after * 60_000;
  return until > now ? new Date(until).toISOString() : null;
}

function waiting(meeting: MeetingResource, now: number, clock: (instant: string) => string): Status {
  const [first] = missing(meeting);
  if (first?.what === "interpreter") return { tone: "stop", icon: "warning", words: words("staff.status.noInterpreter") };
  if (first) return { tone: "stop", icon: "warning", words: words("staff.status.noOfficer") };
  if (meeting.planned_at && minutesUntil(meeting.planned_at, now) < -LATE) {
    return { tone: "wait", icon: "clock", words: words("staff.status.late", { time: clock(meeting.planned_at) }) };
  }
  if (meeting.state === "open") return { tone: "now", icon: "now", words: words("meetingState.open") };
  return { tone: "idle", icon: "clock", words: words("meetingState.planned") };
}

export function nextStep(meeting: MeetingResource, now: number): NextStep {
  if (meeting.state === "ended") return "show";
  if (meeting.state !== "planned") return "enter";
  if (missing(meeting)[0]?.what === "interpreter") return "inviteInterpreter";
  return !meeting.planned_at || minutesUntil(meeting.planned_at, now) <= SOON ? "enter" : "open";
}

/** The line below the stations. `name` gives an agency's name. */
export function standing(meeting: MeetingResource, now: number, name: (station: Station) => string): Words {
  const stations = inOrder(meeting);
  const current = active(meeting);
  if (current) {
    const key = meeting.state === "paused" ? "staff.stationPaused" : "staff.stationNow";
    return words(key, { n: current.position, name: name(current) });
  }
  const done = stations.filter((station) => station.state === "done").length;
  if (stations.length > 0 && stations.every(isOver)) return words("staff.allDone");
  if (done > 0 || meeting.state === "ended") return words("staff.someDone", { n: done, all: stations.length });
  const manned = stations.filter((station) => station.officers.length > 0).length;
  if (manned > 0 && manned < stations.length) return words("staff.manned", { n: manned, all: stations.length });
  return starts(meeting, now) ?? words("staff.stationsAll", { n: stations.length });
}

function starts(meeting: MeetingResource, now: number): Words | null {
  const minutes = meeting.planned_at ? minutesUntil(meeting.planned_at, now) : 0;
  if (meeting.state !== "planned" || minutes <= 0 || minutes > DAY) return null;
  if (minutes < HOUR) return words("staff.startsMinutes", { n: minutes });
  if (minutes % HOUR === 0) return words("staff.startsHours", { hours: minutes / HOUR });
  return words("staff.starts", { hours: Math.floor(minutes / HOUR), n: minutes % HOUR });
}
