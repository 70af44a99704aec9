import { expect, it, vi } from "vitest";
import { clock, day, instantAt, lasted, longDay, moment, progress, weekOf } from "./time";
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
