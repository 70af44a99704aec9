import { expect, it, vi } from "vitest";
import { breaks, clock, day, instantAt, lasted, longDay, minutesSince, moment, progress, weekOf } from "./time";
import type { Station } from "./wire";

const station = (more: Partial<Station>) => ({ minutes: 20, started_at: null, ended_at: null, ...more }) as Station;
const at = (time: string) => `2026-11-24T${time}Z`;

it("tells how far a station has come", () => {
  const half = progress(station({ started_at: at("10:00:00") }), Date.parse(at("10:12:30")));
  expect(half).toMatchObject({ done: 12, left: 8, share: 0.625, until: Date.parse(at("10:20:00")) });
});

it("counts the minutes over time below zero", () => {
  expect(progress(station({ started_at: at("10:00:00") }), Date.parse(at("10:23:00")))).toMatchObject({ left: -3, share: 1 });
});

it("has nothing to tell of a station that has not begun", () => {
  expect(progress(station({}), 0)).toBeNull();
  expect(lasted(station({ started_at: at("10:00:00") }))).toBeNull();
});

const morning = new Date(2026, 10, 24, 10, 5).getTime();

it.each(["sv", "en", "ar", "fa", "so", "ti"])("writes the time of day in %s with Western digits", (language) => {
  expect(clock(morning, language)).toBe("10:05");
});

it("names the day by the same calendar in every language", () => {
  expect(longDay(morning, "fa")).toMatch(/24.*2026|2026.*24/);
  expect(moment(morning, "ar")).toContain("24 نوفمبر");
  expect(longDay(morning, "sv")).toBe("Tisdag 24 november 2026");
});

it("writes the day in digits where the browser does not know the language's own words", () => {
  vi.spyOn(Intl.DateTimeFormat, "supportedLocalesOf").mockReturnValue([]);
  expect(moment(morning, "ti")).toBe("2026-11-24 10:05");
  expect(longDay(morning, "so")).toBe("2026-11-24");
  expect(clock(morning, "ti")).toBe("10:05");
});

it("names the day by the calendar of the site", () => {
  const late = new Date("2026-12-31T23:10:00Z");
  expect([day(0, "Europe/Stockholm", late), day(0, "UTC", late), day(1, "UTC", late)]).toEqual([
    "2027-01-01",
    "2026-12-31",
    "2027-01-01",
  ]);
});

it("knows the week of a day", () => {
  expect(weekOf("2026-11-24")).toEqual({ monday: "2026-11-23", number: 48 });
  expect(weekOf("2027-01-03")).toEqual({ monday: "2026-12-28", number: 53 });
  expect(weekOf("2027-01-04")).toEqual({ monday: "2027-01-04", number: 1 });
});

it("takes a time of day as that of the office, wherever the device is", () => {
  expect(instantAt("2026-11-24", "10:00", "Europe/Stockholm")).toBe("2026-11-24T09:00:00.000Z");
  expect(instantAt("2026-07-01", "10:00", "Europe/Stockholm")).toBe("2026-07-01T08:00:00.000Z");
  expect(instantAt("2026-03-29", "03:30", "Europe/Stockholm")).toBe("2026-03-29T01:30:00.000Z");
  expect(instantAt("2026-11-24", "10:00", "UTC")).toBe("2026-11-24T10:00:00.000Z");
  expect(clock("2026-11-24T09:00:00Z", "sv", "Europe/Stockholm")).toBe("10:00");
});

const rested = (position: number, more: Partial<Station>) =>
  ({ position, number: position, state: "planned", minutes: 20, break_after: 0, expected_start: null, ...more }) as Station;

it("tells the times of a rest before the next station", () => {
  const next = rested(2, { expected_start: "2026-12-01T10:30:00Z" });
  expect(breaks([rested(1, { break_after: 10 }), next])).toEqual([
    { after: 1, minutes: 10, from: Date.parse("2026-12-01T10:20:00Z"), to: Date.parse("2026-12-01T10:30:00Z") },
  ]);
});

it("has no times of a rest while nobody knows when the next station is", () => {
  expect(breaks([rested(1, { break_after: 10 }), rested(2, {})])).toEqual([{ after: 1, minutes: 10, from: null, to: null }]);
});

it("leaves out rests that are over, left out with their station, or after the last", () => {
  expect(breaks([rested(1, { break_after: 10, state: "done" }), rested(2, { state: "active" })])).toEqual([]);
  expect(breaks([rested(1, { break_after: 10, state: "skipped" }), rested(2, {})])).toEqual([]);
  expect(breaks([rested(1, { break_after: 10 })])).toEqual([]);
});

it("counts whole minutes that somebody has waited", () => {
  expect(minutesSince("2026-12-01T10:00:00Z", Date.parse("2026-12-01T10:04:59Z"))).toBe(4);
  expect(minutesSince("2026-12-01T10:00:00Z", Date.parse("2026-12-01T09:59:00Z"))).toBe(0);
});
