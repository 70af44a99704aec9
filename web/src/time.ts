/** Times and lengths as people read them. Digits are Western in every language. */
import type { Instant, Station } from "./wire";

const TAGS: Record<string, string> = { ar: "ar-u-nu-latn", sv: "sv-SE", en: "en-GB" };

function tag(language: string): string {
  return TAGS[language] ?? language;
}

export function clock(instant: Instant | number, language: string): string {
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(tag(language), options).format(new Date(instant));
}

/** Day and time, for what may lie on another day. */
export function moment(instant: Instant | number, language: string): string {
  const options: Intl.DateTimeFormatOptions = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(tag(language), options).format(new Date(instant));
}

export function longDay(instant: Instant | number, language: string): string {
  const options: Intl.DateTimeFormatOptions = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
  const text = new Intl.DateTimeFormat(tag(language), options).format(new Date(instant));
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}

/** The day as `YYYY-MM-DD`, `ahead` days from now: in the given time zone, or in this device's own. */
export function day(ahead = 0, timeZone?: string, from = new Date()): string {
  const here = new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  const date = new Date(`${here.format(from)}T12:00:00Z`);
  date.setUTCDate(date.getUTCDate() + ahead);
  return date.toISOString().slice(0, 10);
}

export function minutesUntil(instant: Instant, now: number): number {
  return Math.round((Date.parse(instant) - now) / 60_000);
}

export interface Progress {
  /** Whole minutes gone. */
  done: number;
  /** Whole minutes left; negative when the planned time has passed. */
  left: number;
  /** 0 to 1. */
  share: number;
  /** When the planned time is over, in milliseconds. */
  until: number;
}

export function progress(station: Station, now: number): Progress | null {
  if (!station.started_at) return null;
  const length = station.minutes * 60_000;
  const gone = Math.max(0, now - Date.parse(station.started_at));
  return {
    done: Math.floor(gone / 60_000),
    left: Math.ceil((length - gone) / 60_000),
    share: Math.min(1, gone / length),
    until: Date.parse(station.started_at) + length,
  };
}

export function lasted(station: Station): number | null {
  if (!station.started_at || !station.ended_at) return null;
  return Math.max(1, Math.round((Date.parse(station.ended_at) - Date.parse(station.started_at)) / 60_000));
}
