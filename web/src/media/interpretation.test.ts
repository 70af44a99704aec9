import { describe, expect, it } from "vitest";
import { desk, listens } from "../dev/interpreting";
import type { Interpreting, Source } from "../wire";
import { type Ear, fromSlider, LOWERED, loudnessOf, Lowering, overTheFloor, toSlider } from "./interpretation";

const ear = (interpreting: Interpreting, more: Partial<Ear> = {}): Ear => ({
  role: "officer", interpreting, preference: "interpretation", under: LOWERED, floor: 1, ...more,
});
const interpretation = { participant: "p_amina", source: "interpretation" as Source };
const floor = { participant: "p_new", source: "microphone" as Source };

describe("over others' voices", () => {
  it("gives the interpretation at full level to those whose language it is, and to nobody else", () => {
    expect(loudnessOf(interpretation, ear(listens("ar")), false)).toBe(1);
    expect(loudnessOf(interpretation, ear(listens("sv")), false)).toBe(0);
  });

  it("lowers the floor by 18 dB while somebody speaks into the own language", () => {
    expect(20 * Math.log10(loudnessOf(floor, ear(listens("ar")), true))).toBeCloseTo(-18, 1);
    expect(loudnessOf(floor, ear(listens("ar")), false)).toBe(1);
  });

  it("never makes the floor louder than it was turned down to", () => {
    expect(loudnessOf(floor, ear(listens("ar"), { floor: 0.05 }), true)).toBe(0.05);
  });

  it("leaves the original as it is for those who want it", () => {
    const original = ear(listens("ar"), { preference: "original" });
    expect(loudnessOf(interpretation, original, false)).toBe(0);
    expect(overTheFloor(original)).toBeNull();
  });
});

describe("in turns", () => {
  const inTurns = (language: string) => listens(language, { interpreters: [desk({ mode: "consecutive" })] });

  it("lets everybody hear the interpreter, and lowers nothing", () => {
    expect(loudnessOf(interpretation, ear(inTurns("ar")), false)).toBe(1);
    expect(loudnessOf(interpretation, ear(inTurns("sv")), false)).toBe(1);
    expect(overTheFloor(ear(inTurns("ar")))).toBeNull();
  });
});

it("lets nobody hear a colleague who rests", () => {
  const resting = listens("ar", { heard: null, interpreters: [desk({ on_duty: false, mode: "consecutive" })] });
  expect(loudnessOf(interpretation, ear(resting), false)).toBe(0);
});

it("lets everybody hear an interpreter who has handed the floor back", () => {
  const back = listens("sv", { interpreters: [desk({ into: null, source: null })] });
  expect(loudnessOf(interpretation, ear(back), false)).toBe(1);
});

it("gives an interpreter the one from whom they work", () => {
  const first = desk({ participant: "p_first", into: "en", source: "ti" });
  const relay = listens("sv", { heard: "p_first", interpreters: [first, desk({ relay: "p_first" })] });
  const second = ear(relay, { role: "interpreter" });
  expect(loudnessOf({ participant: "p_first", source: "interpretation" }, second, false)).toBe(1);
  expect(overTheFloor(second)?.participant).toBe("p_first");
});

describe("lowering", () => {
  it("begins with the first sound and ends after 600 ms of silence", () => {
    const lowering = new Lowering();
    const levels = [[0, 0], [10, 0.1], [20, 0], [610, 0], [611, 0]] as const;
    expect(levels.map(([at, level]) => lowering.note(desk(), level, at))).toEqual([false, true, true, true, false]);
  });

  it("stays while the interpreter keeps the floor by hand, and goes on with a colleague", () => {
    const lowering = new Lowering();
    lowering.note(desk({ automatic: false }), 0.1, 0);
    expect(lowering.note(desk({ automatic: false }), 0, 60_000)).toBe(true);
    expect(lowering.note(desk({ automatic: false, participant: "p_samir" }), 0, 60_010)).toBe(true);
    expect(lowering.note(null, 0, 60_020)).toBe(false);
    expect(lowering.note(desk({ automatic: false }), 0, 60_030)).toBe(false);
  });
});

it("has a slider whose steps sound alike", () => {
  expect(fromSlider(toSlider(LOWERED))).toBeCloseTo(LOWERED);
  expect(toSlider(LOWERED)).toBeGreaterThan(0.3);
});
