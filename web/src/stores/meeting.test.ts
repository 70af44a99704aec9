import { createPinia, setActivePinia } from "pinia";
import { beforeEach, expect, it, vi } from "vitest";
import "../../tools/texts.setup";
import { showIn } from "../i18n";
import type { Participant, Snapshot } from "../wire";
import { useMeeting } from "./meeting";

const person = (id: string, more: Partial<Participant> = {}): Participant => ({
  id, role: "officer", kind: null, name: id, agency: null, station: null, language: "sv", place: "elsewhere", phase: "room",
  ready: false, present: true, since: null, excluded: false, ...more,
});

const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  you: { participant: "p_1", role: "host", kind: null, name: "", language: "sv", agency: null, station: null, place: "on_site", phase: "room", ready: false, may: ["meeting.start"] },
  meeting: { id: "m_1", site: "s", site_name: "S", time_zone: "UTC", alias: null, people: null, languages: [], planned_at: null, route: null, room: null, state: "open", paused_since: null, interpreter: null },
  stations: [], participants: [], messages: [], question: null, consents: [], queue: null, now: "2026-11-24T10:00:00Z",
  pool: { calls: [], elsewhere: false }, interpreting: { language: "sv", heard: null, floor: [], interpreters: [], listeners: [], handover: null, terms: [] }, ...more,
});

beforeEach(() => void setActivePinia(createPinia()));

it("offers what the server says that this participant may do", () => {
  const meeting = useMeeting();
  meeting.show(snapshot());
  expect([meeting.may("meeting.start"), meeting.may("meeting.end")]).toEqual([true, false]);
});

it("replaces the sections that an event carries, and keeps the others", () => {
  const meeting = useMeeting();
  meeting.show(snapshot({ participants: [person("p_2")] }));
  meeting.happened({ number: 2, type: "view_changed", at: "2026-11-24T10:00:05Z", data: {}, changes: { queue: { place: 1, expected_start: null } } });
  expect(meeting.snapshot?.queue?.place).toBe(1);
  expect(meeting.people.map((one) => one.id)).toEqual(["p_2"]);
});

it("tells apart who is in the room, who waits and who is away", () => {
  const meeting = useMeeting();
  meeting.show(snapshot({ participants: [person("p_2"), person("p_3", { phase: "lobby" }), person("p_4", { present: false })] }));
  expect(meeting.inRoom.map((one) => one.id)).toEqual(["p_2"]);
  expect(meeting.inLobby.map((one) => one.id)).toEqual(["p_3"]);
});

it("keeps everybody's place in the list of people, whoever comes and goes", () => {
  const meeting = useMeeting();
  const names = () => meeting.inRoom.map((one) => one.id);
  const all = [person("officer"), person("lena", { role: "host" }), person("amina", { role: "interpreter" }), person("samira", { role: "newcomer" })];
  meeting.show(snapshot({ participants: all }));
  expect(names()).toEqual(["samira", "lena", "amina", "officer"]);
  meeting.show(snapshot({ participants: [all[2], all[0], all[3], { ...all[1], present: false }] }));
  expect(names()).toEqual(["samira", "amina", "officer"]);
});

it("shows a signal for a while", () => {
  vi.useFakeTimers();
  const meeting = useMeeting();
  meeting.show(snapshot());
  meeting.happened({ number: 1, type: "signal_sent", at: "2026-11-24T10:00:00Z", data: { participant: "p_2", signal: "slower" }, changes: {} });
  expect(meeting.signals).toMatchObject([{ participant: "p_2", signal: "slower" }]);
  vi.advanceTimersByTime(60_000);
  expect(meeting.signals).toEqual([]);
  vi.useRealTimers();
});

it("orders stations by their position, whatever their numbers", () => {
  const meeting = useMeeting();
  const station = (number: number, position: number) => ({ number, position, state: "planned" }) as Snapshot["stations"][number];
  meeting.show(snapshot({ stations: [station(1, 2), station(2, 1)] }));
  expect(meeting.stations.map((one) => one.number)).toEqual([2, 1]);
  expect(meeting.nextStation?.number).toBe(2);
});

it("calls somebody without a name by what they are, in the reader's language", async () => {
  vi.stubGlobal("document", { documentElement: {} });
  const meeting = useMeeting();
  const nameless = { name: "", role: "companion" } as const;
  meeting.show(snapshot({ participants: [person("p_2", nameless), person("p_3", { role: "interpreter", kind: "text", name: "" }), person("p_4")] }));
  const names = () => meeting.people.map((one) => [one.name, one.unnamed ?? false]);
  expect(names()).toEqual([["Medföljande", true], ["Skrivtolk", true], ["p_4", false]]);
  await showIn("ti");
  expect(meeting.person("p_2")?.name).toMatch(/^\p{Script=Ethiopic}+/u);
  await showIn("sv");
  vi.unstubAllGlobals();
});
