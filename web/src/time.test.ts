import { expect, it } from "vitest";
import { clock, day, lasted, progress } from "./time";
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

it("writes Western digits in Arabic", () => {
  expect(clock(new Date(2026, 10, 24, 10, 5).getTime(), "ar")).toMatch(/^10:05$/);
});

it("names the day by the calendar of the site", () => {
  const late = new Date("2026-12-31T23:10:00Z");
  expect([day(0, "Europe/Stockholm", late), day(0, "UTC", late), day(1, "UTC", late)]).toEqual([
    "2027-01-01",
    "2026-12-31",
    "2027-01-01",
  ]);
});
