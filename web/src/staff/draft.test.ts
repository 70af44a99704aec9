import { beforeEach, expect, it } from "vitest";
import type { Catalogue, MeetingResource } from "../wire";
import { add, addBreak, asChange, asRequest, blank, type Draft, draftOf, follow, interpreted, kindsFor, move, moveBreak, nextHalfHour, problems, remove, times, wanted } from "./draft";

const catalogue = {
  routes: [{
    id: "1", calls: "a", name: {}, description: {},
    stations: [{ agency: "a", purpose: "x", minutes: 20 }, { agency: "b", purpose: "y", minutes: 25 }, { agency: "c", purpose: "z", minutes: 30 }],
  }],
} as unknown as Catalogue;

let draft: Draft;

beforeEach(() => {
  draft = { ...blank("gavle", "2026-11-24", "10:00"), alias: " Samira ", language: "ar", interpreterName: "Amina" };
  follow(draft, catalogue, "1");
});

const order = () => draft.stations.map((station) => station.agency).join("");

it("takes its stations from a route, and its own ones beside it", () => {
  expect(order()).toBe("abc");
  add(draft, "d", "");
  expect(order()).toBe("abcd");
  expect(new Set(draft.stations.map((station) => station.key)).size).toBe(4);
});

it("computes the times from the lengths and the breaks", () => {
  addBreak(draft);
  expect(times(draft)).toEqual([{ start: "10:00", end: "10:20" }, { start: "10:30", end: "10:55" }, { start: "10:55", end: "11:25" }]);
});

it("lets breaks keep their place while stations move", () => {
  expect(addBreak(draft)).toBe(0);
  move(draft, 0, 2);
  expect(order()).toBe("bca");
  expect(draft.breaks).toEqual([10, 0, 0]);
  moveBreak(draft, 0, 1);
  expect(draft.breaks).toEqual([0, 10, 0]);
  moveBreak(draft, 1, 2);
  expect(draft.breaks).toEqual([0, 10, 0]);
});

it("moves nothing out of the day", () => {
  move(draft, 0, -1);
  move(draft, 2, 3);
  expect(order()).toBe("abc");
});

it("has room for one break between any two stations", () => {
  expect([addBreak(draft), addBreak(draft), addBreak(draft)]).toEqual([0, 1, -1]);
});

it("keeps a break when the station before it goes", () => {
  draft.breaks = [0, 15, 0];
  remove(draft, 1);
  expect([order(), draft.breaks]).toEqual(["ac", [15, 0]]);
  remove(draft, 0);
  expect([order(), draft.breaks]).toEqual(["c", [0]]);
});

it("asks the server for what it says, with no break after the last station", () => {
  draft.breaks = [10, 0, 5];
  expect(asRequest(draft, "Europe/Stockholm")).toEqual({
    site: "gavle", route: "1", alias: "Samira", planned_at: "2026-11-24T09:00:00.000Z", languages: ["ar"], people: { adults: 1, children: 0 },
    stations: [
      { agency: "a", purpose: "x", minutes: 20, break_after: 10 },
      { agency: "b", purpose: "y", minutes: 25, break_after: 0 },
      { agency: "c", purpose: "z", minutes: 30, break_after: 0 },
    ],
  });
});

it("asks for each language once, and for an interpreter where one of them is not Swedish", () => {
  draft.language = "sv";
  expect(interpreted(draft)).toBe(false);
  draft.also = ["ti", "", "sv", "ti"];
  expect(asRequest(draft, "Europe/Stockholm").languages).toEqual(["sv", "ti"]);
  expect(interpreted(draft)).toBe(true);
});

it("opens a planned meeting as it is, and asks for what is changed", () => {
  const planned = {
    site: "gavle", alias: "Samira", planned_at: "2026-11-24T09:00:00.000Z", languages: ["ar", "ti"], people: { adults: 2, children: null }, room: null,
    time_zone: "Europe/Stockholm",
  } as unknown as MeetingResource;
  const same = draftOf(planned, 0);
  expect([same.date, same.time, same.language, same.also, same.room]).toEqual(["2026-11-24", "10:00", "ar", ["ti"], ""]);
  expect(problems(same, "people", "2026-11-24").size).toBe(0);
  same.time = "13:30";
  expect(asChange(same, "Europe/Stockholm")).toEqual({
    alias: "Samira", planned_at: "2026-11-24T12:30:00.000Z", languages: ["ar", "ti"], people: { adults: 2, children: 0 }, room: "",
  });
});

it("names what is wrong by field, each step its own", () => {
  const wrong = (step: Parameters<typeof problems>[1]) => [...problems(draft, step, "2026-11-24").keys()];
  expect([wrong("people"), wrong("stations"), wrong("interpreter")]).toEqual([[], [], []]);
  Object.assign(draft, { alias: " ", adults: 0, language: "", date: "2026-11-23", time: "" });
  expect(wrong("people")).toEqual(["alias", "adults", "language", "date", "time"]);
  draft.stations[1].purpose = "";
  expect(wrong("stations")).toEqual([`purpose-${draft.stations[1].key}`]);
  draft.stations = [];
  expect(wrong("stations")).toEqual(["stations"]);
  draft.interpreterName = "";
  expect(wrong("interpreter")).toEqual(["interpreterName"]);
  draft.language = "sv";
  expect(wrong("interpreter")).toEqual([]);
});

it.each(["19900101-1234", "900101 1234", "Samira 199001011234"])("refuses the identity number in %s", (alias) => {
  draft.alias = alias;
  expect(problems(draft, "people", "2026-11-24").get("alias")).toBe("create.wrong.identity");
});

it("wants a link for everybody who comes", () => {
  const made = { alias: "Samira", stations: [{ number: 2, position: 2, agency: "b" }, { number: 1, position: 1, agency: "a" }] } as MeetingResource;
  draft.stations[0].officer = "Karin";
  const keys = () => wanted(draft, made).map((one) => one.key);
  expect(keys()).toEqual(["newcomer", "interpreter", "officer-1", "officer-2"]);
  expect(wanted(draft, made)[2].request).toEqual({ role: "officer", agency: "a", station: 1, name: "Karin" });
  Object.assign(draft, { interpreter: "on_site", companion: true });
  expect(wanted(draft, made)[1].request).toEqual({ role: "interpreter", kind: "spoken", name: "Amina", place: "on_site" });
  expect(keys()).toContain("companion");
  draft.interpreter = "none";
  expect(keys()).not.toContain("interpreter");
});

it("lets somebody sign or write where nobody has to speak", () => {
  const made = { alias: "Samira", stations: [] } as unknown as MeetingResource;
  const kind = () => wanted(draft, made).find((one) => one.key === "interpreter")?.request.kind;
  draft.language = "sv";
  expect([interpreted(draft), kind()]).toEqual([false, undefined]);
  draft.kind = "text";
  expect([interpreted(draft), kind()]).toEqual([true, "text"]);
  Object.assign(draft, { language: "swl", kind: "spoken" });
  expect([kindsFor("swl").includes("spoken"), kind()]).toEqual([false, "sign"]);
});

it.each([["10:00", "10:30"], ["10:29", "10:30"], ["10:30", "11:00"], ["23:45", "00:00"]])("proposes the next half hour after %s", (now, next) => {
  expect(nextHalfHour(now)).toBe(next);
});
