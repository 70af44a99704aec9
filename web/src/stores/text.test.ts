import { createPinia, setActivePinia } from "pinia";
import { beforeEach, expect, it, vi } from "vitest";
import { scenes } from "../dev/scenes";
import type { Params } from "../media/rpc";
import type { TextLine, Typed } from "../wire";
import { useMeeting } from "./meeting";
import { useText } from "./text";

vi.stubGlobal("window", { addEventListener: () => undefined, location: { protocol: "http:", host: "h" } });

const typed = (revision: number, keep: number, add: string, more: Partial<Typed> = {}): Typed => ({
  participant: "p_karin", line: "l1", revision, keep, add, language: "sv", corrects: null, ...more,
});

const written = (more: Partial<TextLine> = {}) => ({
  number: 1, type: "line_written", at: "2026-11-24T10:00:00Z", changes: {},
  data: { line: "l1", sender: "p_karin", text: "Hej.", language: "sv", station: 2, corrects: null, ...more },
});

beforeEach(() => void setActivePinia(createPinia()));

function opened() {
  const meeting = useMeeting();
  const text = useText();
  meeting.show(scenes["newcomer-talking"]());
  return { meeting, text };
}

it("lets a line grow, and keeps it once it is finished", () => {
  const { meeting, text } = opened();
  meeting.notified("text.typed", typed(1, 0, "He") as unknown as Params);
  meeting.notified("text.typed", typed(2, 2, "j") as unknown as Params);
  expect(text.growing.map((one) => one.text)).toEqual(["Hej"]);
  meeting.happened(written());
  expect(text.growing).toEqual([]);
  expect(text.lines).toMatchObject([{ line: "l1", sender_name: "Karin Lund", text: "Hej.", role: "officer" }]);
  meeting.happened(written());
  expect(text.lines).toHaveLength(1);
});

it("shows no unfinished line that is gone, nor one of another station", () => {
  const { meeting, text } = opened();
  meeting.notified("text.typed", typed(1, 0, "He") as unknown as Params);
  meeting.notified("text.gone", { participant: "p_karin", line: "l1" });
  expect(text.growing).toEqual([]);
  meeting.notified("text.typed", typed(1, 0, "He", { line: "l2" }) as unknown as Params);
  meeting.show(scenes["newcomer-between"]());
  expect(text.growing).toEqual([]);
});

it("clears the own field when what it was written in is over", () => {
  const { meeting, text } = opened();
  text.write("bara för Skatteverket");
  meeting.show(scenes["newcomer-paused"]());
  expect(text.written).toBe("");
});

it("shows a correction in the place of the line", () => {
  const { meeting, text } = opened();
  meeting.happened(written());
  meeting.happened(written({ line: "l2", corrects: "l1", text: "Hej!" }));
  expect(text.latest(text.lines[0]).text).toBe("Hej!");
});

it("knows nothing any more when the meeting is over for this person", () => {
  const { meeting, text } = opened();
  meeting.happened(written());
  const now = scenes["newcomer-talking"]();
  meeting.show({ ...now, you: { ...now.you, phase: "finished" } });
  expect(text.lines).toEqual([]);
});
