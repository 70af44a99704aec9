/**
 * Times and lengths as people read them: Western digits and the Gregorian calendar in every language.
 * Whoever writes a time says in which zone; nothing follows the device's own. Pages write through the page's store.
 */
import type { Instant, Snapshot, Station } from "./wire";

const REGIONS: Record<string, string> = { sv: "sv-SE", en: "en-GB" };
/** Browsers mix in the Latin one before a time of day. */
const COMMAS: Record<string, string> = { ar: "،", fa: "،" };
/** Milliseconds. */
const SLIP_STEP = 10_000;
const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** Browsers lack the weekdays and months of some languages; these get the day in digits, as it is written in Sweden. */
function written(instant: Instant | number, language: string, options: Intl.DateTimeFormatOptions): string {
  const tag = `${REGIONS[language] ?? language}-u-ca-gregory-nu-latn`;
  const known = Intl.DateTimeFormat.supportedLocalesOf(tag).length > 0;
  const text = new Intl.DateTimeFormat(known ? tag : "sv-SE", known ? options : inDigits(options)).format(new Date(instant));
  return COMMAS[language] ? text.replaceAll(",", COMMAS[language]) : text;
}

function inDigits({ hour, minute, hourCycle, day, timeZone }: Intl.DateTimeFormatOptions): Intl.DateTimeFormatOptions {
  const date = day ? ({ year: "numeric", month: "2-digit", day: "2-digit" } as const) : {};
  return { ...date, hour, minute, hourCycle, timeZone };
}

/** The time of day. */
export function clock(instant: Instant | number, language: string, timeZone: string): string {
  return written(instant, language, { ...CLOCK, timeZone });
}

/** Day and time, for what may lie on another day. */
export function moment(instant: Instant | number, language: string, timeZone: string): string {
  return written(instant, language, { weekday: "short", day: "numeric", month: "short", ...CLOCK, timeZone });
}

export function longDay(instant: Instant | number, language: string, timeZone: string, year = true): string {
  const text = written(instant, language, { weekday: "long", day: "numeric", month: "long", timeZone, ...(year ? { year: "numeric" } : {}) });
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}

/** The day as `YYYY-MM-DD`, `ahead` days from now. */
export function day(ahead: number, timeZone: string, from = new Date()): string {
  const here = new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  const date = new Date(`${here.format(from)}T12:00:00Z`);
  date.setUTCDate(date.getUTCDate() + ahead);
  return date.toISOString().slice(0, 10);
}

/** The Monday on or before a day (`YYYY-MM-DD`), and the number of its week (ISO 8601). */
export function weekOf(date: string): { monday: string; number: number } {
  const monday = shifted(date, -((new Date(`${date}T12:00:00Z`).getUTCDay() + 6) % 7));
  const thursday = shifted(monday, 3);
  const yearDay = (Date.parse(thursday) - Date.parse(`${thursday.slice(0, 4)}-01-01`)) / 86_400_000;
  return { monday, number: Math.floor(yearDay / 7) + 1 };
}

/** The day that comes so many days after the given one. */
export function shifted(date: string, days: number): string {
  const moved = new Date(`${date}T12:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

/** The instant of a day and a time of day in a time zone. */
export function instantAt(date: string, time: string, timeZone: string): Instant {
  const wall = Date.parse(`${date}T${time}:00Z`);
  // The offset is looked up twice: near a change of the clocks the first guess can be off by it.
  const guess = wall - offset(wall, timeZone);
  return new Date(wall - offset(guess, timeZone)).toISOString();
}

function offset(instant: number, timeZone: string): number {
  const shown = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" }).format(instant);
  return Date.parse(`${shown.replace(" ", "T")}Z`) - Math.floor(instant / 1000) * 1000;
}

export function minutesUntil(instant: Instant, now: number): number {
  return Math.round((Date.parse(instant) - now) / 60_000);
}

export function minutesSince(instant: Instant, now: number): number {
  return Math.max(0, Math.floor((now - Date.parse(instant)) / 60_000));
}

/** How long a station has gone on at `now`, in milliseconds, without the time that the meeting stood still. */
function gone(station: Station, now: number): number {
  return Math.max(0, now - Date.parse(station.started_at!) - station.stood_still * 1000);
}

export interface Progress {
  /** Whole minutes gone. */
  done: number;
  /** Whole minutes left; negative when the planned time has passed. */
  left: number;
  /** 0 to 1. */
  share: number;
  /** When the planned time is over, in milliseconds, if nothing stands still any more. */
  until: number;
}

/** `now` is the meeting's: it stands still while the meeting does. */
export function progress(station: Station, now: number): Progress | null {
  if (!station.started_at) return null;
  const length = station.minutes * 60_000;
  const spent = gone(station, now);
  const done = Math.floor(spent / 60_000);
  return {
    done,
    left: station.minutes - done,
    share: Math.min(1, spent / length),
    until: Date.parse(station.started_at) + station.stood_still * 1000 + length,
  };
}

export function lasted(station: Station): number | null {
  if (!station.started_at || !station.ended_at) return null;
  return Math.max(1, Math.round(gone(station, Date.parse(station.ended_at)) / 60_000));
}

/**
 * By how many milliseconds the expected starts of a snapshot have become too early at `now`: time goes on while
 * the meeting stands still, and nothing can start in the past. In steps, so that what shows it seldom changes.
 */
export function slip({ stations, queue, meeting, now: told }: Snapshot, now: number): number {
  const waits = [...stations.filter(isComing).map((station) => station.expected_start), queue?.expected_start];
  const first = Math.min(...waits.flatMap((start) => (start ? [Date.parse(start)] : [])));
  if (!Number.isFinite(first)) return 0;
  const stands = meeting.paused_since !== null && stations.some((station) => station.state === "active");
  const late = Math.max(stands ? now - Date.parse(told) : 0, now - first, 0);
  return Math.ceil(late / SLIP_STEP) * SLIP_STEP;
}

export const isComing = (station: Station): boolean => station.state === "planned" || station.state === "called";

export function later(instant: Instant | null, by: number): Instant | null {
  return instant && by > 0 ? new Date(Date.parse(instant) + by).toISOString() : instant;
}

/** When the day is over as things stand, in milliseconds; a station that goes on ends now at the earliest. `meetingNow` is the meeting's time. */
export function dayEnds(stations: readonly Station[], now: number, meetingNow: number): number | null {
  const stands = now - meetingNow;
  const ends = stations.flatMap((station) => {
    if (station.state === "active") return [Math.max(now, (progress(station, meetingNow)?.until ?? now) + stands)];
    return station.expected_start ? [Date.parse(station.expected_start) + station.minutes * 60_000] : [];
  });
  return ends.length ? Math.max(...ends) : null;
}

export interface Break {
  /** Position of the station that it follows. */
  after: number;
  minutes: number;
  /** Null while nobody knows when. */
  from: number | null;
  to: number | null;
}

/** The rests that are still to come, with their times where the next station's are known. `stations` in order. */
export function breaks(stations: readonly Station[]): Break[] {
  const found: Break[] = [];
  stations.forEach((station, index) => {
    const next = stations[index + 1];
    const over = station.state === "skipped" || next?.state === "active" || next?.state === "done";
    if (!next || !station.break_after || over) return;
    const to = next.expected_start ? Date.parse(next.expected_start) : null;
    const from = to === null ? null : to - station.break_after * 60_000;
    found.push({ after: station.position, minutes: station.break_after, from, to });
  });
  return found;
}
