import { expect, it } from "vitest";
import type { HeardRow } from "../wire";
import { timeline } from "./hearing";

const person = (participant: string | null) =>
  ({ participant, name: participant, role: "officer", agency: null, station: null }) as HeardRow["listener"];

const row = (listener: string | null, source: string | null, begins: number, ends: number | null) =>
  ({
    meeting: "m",
    listener: person(listener),
    source: person(source),
    sources: ["microphone"],
    stations: [1],
    begins: new Date(begins).toISOString(),
    ends: ends === null ? null : new Date(ends).toISOString(),
  }) as HeardRow;

it("gives each pair one line, and each time a bar", () => {
  const { lines } = timeline([row("a", "b", 0, 100), row("b", "a", 0, 100), row("a", "b", 200, 400)], 400);
  expect(lines.map((line) => line.bars.map((bar) => [bar.from, bar.to]))).toEqual([[[0, 0.25], [0.5, 1]], [[0, 0.25]]]);
});

it("lets what goes on end now", () => {
  expect(timeline([row("a", "b", 0, null)], 1000).lines[0].bars[0]).toMatchObject({ from: 0, to: 1 });
});

it("keeps people of whom only the role is told on one line", () => {
  expect(timeline([row("a", null, 0, 10), row("a", null, 20, 30)], 40).lines).toHaveLength(1);
});

it("is empty without rows", () => {
  expect(timeline([], 5).lines).toEqual([]);
});
