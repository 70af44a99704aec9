import { expect, it, vi } from "vitest";
import { breaks, clock, day, dayEnds, instantAt, lasted, later, longDay, minutesSince, moment, progress, slip, weekOf } from "./time";
import type { Snapshot, Station } from "./wire";

const station = (more: Partial<Station>) => ({ minutes: 20, started_at: null, ended_at: null, stood_still: 0, ...more }) as Station;
const at = (time: string) => `2026-11-24T${time}Z`;

it("tells how far a station has come", () => {
  const half = progress(station({ started_at: at("10:00:00") }), Date.parse(at("10:12:30")));
  expect(half).toMatchObject({ done: 12, left: 8, share: 0.625, until: Date.parse(at("10:20:00")) });
});

it("counts the minutes over time below zero", () => {
  expect(progress(station({ started_at: at("10:00:00") }), Date.parse(at("10:23:00")))).toMatchObject({ left: -3, share: 1 });
});

it("does not count the time that the meeting stood still", () => {
  const rested = station({ started_at: at("10:00:00"), stood_still: 600 });
  expect(progress(rested, Date.parse(at("10:22:00")))).toMatchObject({ done: 12, left: 8, share: 0.6, until: Date.parse(at("10:30:00")) });
  expect(lasted({ ...rested, ended_at: at("10:28:00") })).toBe(18);
});

it("lets the minutes gone and the minutes left be the whole time", () => {
  for (let second = 0; second < 1500; second += 7) {
    const { done, left } = progress(station({ started_at: at("10:00:00") }), Date.parse(at("10:00:00")) + second * 1000)!;
    expect(done + left).toBe(20);
  }
});

it("expects the day to end with the last station, at the earliest now, and later while the meeting stands still", () => {
  const going = station({ state: "active", started_at: at("10:00:00") });
  const next = station({ state: "planned", expected_start: at("10:30:00"), minutes: 25 });
  const now = Date.parse(at("10:15:00"));
  expect(dayEnds([going, next], now, now)).toBe(Date.parse(at("10:55:00")));
  expect(dayEnds([going], now, now - 300_000)).toBe(Date.parse(at("10:25:00")));
  expect(dayEnds([going], now + 3_600_000, now + 3_600_000)).toBe(now + 3_600_000);
  expect(dayEnds([station({ state: "planned" })], now, now)).toBeNull();
});

it("has nothing to tell of a station that has not begun", () => {
  expect(progress(station({}), 0)).toBeNull();
  expect(lasted(station({ started_at: at("10:00:00") }))).toBeNull();
});

const HERE = "Europe/Stockholm";
const morning = Date.parse(at("09:05:00"));

it.each(["sv", "en", "ar", "fa", "so", "ti"])("writes the time of day in %s with Western digits", (language) => {
  expect(clock(morning, language, HERE)).toBe("10:05");
});

it("names the day by the same calendar in every language", () => {
  expect(longDay(morning, "fa", HERE)).toMatch(/24.*2026|2026.*24/);
  expect(moment(morning, "ar", HERE)).toContain("24 نوفمبر");
  expect(moment(morning, "ar", HERE)).not.toContain(",");
  expect(longDay(morning, "sv", HERE)).toBe("Tisdag 24 november 2026");
});

it("writes the day in digits where the browser does not know the language's own words", () => {
  vi.spyOn(Intl.DateTimeFormat, "supportedLocalesOf").mockReturnValue([]);
  expect(moment(morning, "ti", HERE)).toBe("2026-11-24 10:05");
  expect(longDay(morning, "so", HERE)).toBe("2026-11-24");
  expect(clock(morning, "ti", HERE)).toBe("10:05");
});

it("writes times of the office, wherever the device is", () => {
  expect([clock(morning, "sv", "Pacific/Auckland"), clock(morning, "sv", "UTC")]).toEqual(["22:05", "09:05"]);
  expect(moment(Date.parse(at("23:30:00")), "sv", HERE)).toContain("25");
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

const told = (more: Partial<Snapshot>, paused_since: string | null = null) =>
  ({ stations: [], queue: null, now: at("10:00:00"), meeting: { paused_since }, ...more }) as unknown as Snapshot;
const minutes = (snapshot: Snapshot, time: string) => slip(snapshot, Date.parse(at(time))) / 60_000;

it("moves what is expected on when it has not come", () => {
  const waits = told({ stations: [rested(1, { expected_start: at("10:05:00") }), rested(2, { expected_start: at("10:25:00") })] });
  expect([minutes(waits, "10:04:00"), minutes(waits, "10:05:00"), minutes(waits, "10:08:00")]).toEqual([0, 0, 3]);
  expect(later(at("10:25:00"), 180_000)).toBe("2026-11-24T10:28:00.000Z");
  expect([later(null, 180_000), later(at("10:25:00"), 0)]).toEqual([null, at("10:25:00")]);
});

it("moves it on while a station stands still", () => {
  const stations = [rested(1, { state: "active" }), rested(2, { expected_start: at("10:20:00") })];
  expect(minutes(told({ stations }, at("09:58:00")), "10:07:00")).toBe(7);
  expect(minutes(told({ stations }), "10:07:00")).toBe(0);
});

it("moves the place in the queue with it, and nothing where nobody knows", () => {
  expect(minutes(told({ queue: { place: 1, expected_start: at("10:01:00") } }), "10:03:00")).toBe(2);
  expect(minutes(told({ stations: [rested(1, {})] }), "11:00:00")).toBe(0);
});
