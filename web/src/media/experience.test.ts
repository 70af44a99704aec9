import { describe, expect, it } from "vitest";
import { experience } from "./experience";
import type { ConsumerStats } from "./counters";

const voice = (id: string, total: number, concealed: number, silent = 0): ConsumerStats => ({
  id, kind: "audio", participant: "p_1", source: "microphone", totalSamplesReceived: total, concealedSamples: concealed,
  silentConcealedSamples: silent,
});
const picture = (id: string, freezeCount: number): ConsumerStats => ({ id, kind: "video", participant: "p_1", source: "camera", freezeCount });

describe("what a device goes through", () => {
  it("counts pictures that stood still since the last look", () => {
    expect(experience([picture("a", 5), picture("b", 1)], [picture("a", 3), picture("b", 0)]).freezes).toBe(3);
  });

  it("is the made-up share of the voice that fares worst", () => {
    const before = [voice("a", 0, 0), voice("b", 0, 0)];
    expect(experience([voice("a", 48_000, 4_800), voice("b", 48_000, 480)], before).concealed).toBeCloseTo(0.1);
  });

  it("does not count what is made up while nothing is sent", () => {
    expect(experience([voice("a", 96_000, 48_000, 48_000)], [voice("a", 0, 0)]).concealed).toBe(0);
  });

  it("says nothing of a voice that was not there before, or hardly said anything", () => {
    expect(experience([voice("a", 48_000, 48_000)], [])).toEqual({ freezes: 0, concealed: 0 });
    expect(experience([voice("a", 4_800, 4_800)], [voice("a", 0, 0)]).concealed).toBe(0);
  });
});
