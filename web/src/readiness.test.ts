import { expect, it } from "vitest";
import { lacks, readiness } from "./readiness";
import type { Participant, Station } from "./wire";

const person = (role: Participant["role"], more: Partial<Participant> = {}) => ({ role, name: role, present: true, place: "elsewhere", ...more }) as Participant;
const officer = (more: object = {}) => ({ participant: "p", name: "Karin", present: true, ready: true, came: true, ...more });
const station = (...officers: ReturnType<typeof officer>[]) => ({ officers }) as unknown as Station;
const told = (...of: Parameters<typeof readiness>) => readiness(...of).map(({ who, state }) => `${who} ${state}`);

it("misses nobody when all are there", () => {
  const all = readiness(station(officer()), [person("newcomer"), person("interpreter")]);
  expect(all.filter(lacks)).toEqual([]);
  expect(all.map((check) => check.name)).toEqual(["newcomer", "interpreter", "Karin"]);
});

it("misses the newcomer, and an interpreter who is booked", () => {
  expect(told(station(officer()), [person("interpreter", { present: false })])).toEqual(["newcomer away", "interpreter away", "officer here"]);
  const second = person("interpreter", { name: "Senait" });
  expect(readiness(station(), [person("interpreter", { present: false }), second])[1]).toMatchObject({ state: "here", name: "Senait" });
  expect(readiness(station(), [person("interpreter", { name: "Tolk", unnamed: true })])[1].name).toBe("");
});

it("misses no interpreter where none is booked, or one who stands in the room", () => {
  expect(told(station(officer()), [person("newcomer")])).toEqual(["newcomer here", "officer here"]);
  const here = person("interpreter", { place: "on_site", present: false });
  expect(told(station(officer()), [person("newcomer"), here])).toEqual(["newcomer here", "officer here"]);
});

it("tells an officer who is not ready from one who has not come, and from none", () => {
  const late = officer({ present: false, ready: false });
  expect(told(station(late, officer({ ready: false })), [person("newcomer")])[1]).toBe("officer waiting");
  expect(told(station(late), [person("newcomer")])[1]).toBe("officer away");
  expect(told(station(), [person("newcomer")])[1]).toBe("officer none");
});
