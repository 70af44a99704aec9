import { expect, it } from "vitest";
import type { MeetingResource, Station } from "../wire";
import { missing, nextStep, standing, status } from "./overview";

const NOW = Date.parse("2026-11-24T10:00:00Z");
const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
const clock = (instant: string) => instant.slice(11, 16);
const name = (station: Station) => station.agency;

function station(number: number, more: Partial<Station> = {}): Station {
  return {
    number, position: number, agency: `agency${number}`, agency_name: {}, purpose: "", purpose_text: {}, state: "planned", minutes: 25, started_at: null,
    ended_at: null, expected_start: null, officers: [{ participant: "p", name: "Per", present: false, ready: false, came: false }], sent_away: [], break_after: 0, stood_still: 0, ...more,
  };
}

function meeting(more: Partial<MeetingResource> = {}): MeetingResource {
  return {
    id: "m_1", site: "gavle", site_name: "Gävle", time_zone: "Europe/Stockholm", route: "1", alias: "Samira", planned_at: ago(-145), languages: ["ar"],
    people: { adults: 1, children: 0 }, room: null, state: "planned", stations: [station(1), station(2)], created_at: ago(600),
    paused_since: null, ended_at: null,
    participants: [{ id: "i", role: "interpreter", kind: "spoken", name: "Amina", agency: null, station: null, language: "ar", place: "elsewhere", phase: "room", ready: false, present: false }],
    ...more,
  };
}

const told = (one: MeetingResource) => {
  const { tone, words } = status(one, NOW, clock);
  return [tone, words.key.replace("staff.status.", ""), ...Object.values(words.values)];
};

it("prepares a meeting that lacks nothing", () => {
  expect(told(meeting())).toEqual(["idle", "meetingState.planned"]);
  expect(standing(meeting(), NOW, name)).toEqual({ key: "staff.starts", values: { hours: 2, n: 25 } });
  expect(nextStep(meeting(), NOW)).toBe("open");
});

it("says whole hours without minutes", () => {
  expect(standing(meeting({ planned_at: ago(-120) }), NOW, name)).toEqual({ key: "staff.startsHours", values: { hours: 2 } });
});

it("names a missing interpreter first, and asks for one", () => {
  const one = meeting({ participants: [], stations: [station(1, { officers: [] }), station(2)] });
  expect(missing(one).map((each) => each.what)).toEqual(["interpreter", "officer"]);
  expect(told(one)).toEqual(["stop", "noInterpreter"]);
  expect(nextStep(one, NOW)).toBe("inviteInterpreter");
  expect(standing(one, NOW, name)).toEqual({ key: "staff.manned", values: { n: 1, all: 2 } });
});

it("needs no interpreter for a meeting in Swedish, nor anything once it is over", () => {
  expect(missing(meeting({ participants: [], languages: ["sv"] }))).toEqual([]);
  expect(missing(meeting({ participants: [], state: "ended" }))).toEqual([]);
});

it("counts down the station that goes on, and says when it is over time", () => {
  const going = (minutes: number) => meeting({ state: "open", stations: [station(1, { state: "active", started_at: ago(minutes) }), station(2)] });
  expect(told(going(13))).toEqual(["now", "left", 12]);
  expect(told(going(28))).toEqual(["wait", "over", 3]);
  expect(standing(going(13), NOW, name)).toEqual({ key: "staff.stationNow", values: { n: 1, name: "agency1" } });
});

it("tells how long a meeting has been paused", () => {
  const one = meeting({ state: "paused", paused_since: ago(3), stations: [station(1, { state: "active", started_at: ago(10) })] });
  expect(told(one)).toEqual(["wait", "paused", 3]);
  expect(standing(one, NOW, name).key).toBe("staff.stationPaused");
  expect(nextStep(one, NOW)).toBe("enter");
});

it("tells a break from the time between stations", () => {
  const after = (rest: number) => meeting({ state: "open", stations: [station(1, { state: "done", started_at: ago(30), ended_at: ago(4), break_after: rest }), station(2)] });
  expect(told(after(10))).toEqual(["wait", "rest", "10:06"]);
  expect(told(after(3))).toEqual(["now", "between"]);
});

it("says when a meeting that has not begun should have", () => {
  expect(told(meeting({ planned_at: ago(10) }))).toEqual(["wait", "late", "09:50"]);
  expect(nextStep(meeting({ planned_at: ago(-10) }), NOW)).toBe("enter");
});

it("shows when a meeting ended", () => {
  const one = meeting({ state: "ended", ended_at: ago(20), stations: [station(1, { state: "done" }), station(2, { state: "skipped" })] });
  expect(told(one)).toEqual(["done", "endedAt", "09:40"]);
  expect(standing(one, NOW, name).key).toBe("staff.allDone");
  expect(nextStep(one, NOW)).toBe("show");
});
