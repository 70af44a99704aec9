import { expect, it } from "vitest";
import { readDay, readTime } from "./when";

const TODAY = "2026-11-24";

it.each([
  ["2026-12-01", "2026-12-01"], ["20261201", "2026-12-01"], ["2026-12-1", "2026-12-01"], [" 1/12 ", "2026-12-01"],
  ["24/11", "2026-11-24"], ["23/11", "2027-11-23"], ["1.2.", "2027-02-01"], ["2026-11-01", "2026-11-01"],
])("reads the day %s", (text, day) => {
  expect(readDay(text, TODAY)).toBe(day);
});

it.each(["", "i dag", "2026-02-30", "31/11", "2026-13-01", "12"])("takes %j for no day", (text) => {
  expect(readDay(text, TODAY)).toBe("");
});

it.each([["9", "09:00"], ["930", "09:30"], ["0930", "09:30"], ["9.30", "09:30"], ["09:30", "09:30"], ["23:59", "23:59"], ["0", "00:00"]])(
  "reads the time %s",
  (text, time) => {
    expect(readTime(text)).toBe(time);
  },
);

it.each(["", "24:00", "9:60", "halv tio", "9:3"])("takes %j for no time", (text) => {
  expect(readTime(text)).toBe("");
});
