import { expect, it } from "vitest";
import { VoiceWatch } from "./voice";

function heard(...levels: number[]): VoiceWatch {
  const watch = new VoiceWatch();
  for (let turn = 0; turn < 100; turn++) watch.note(levels[turn % levels.length]);
  return watch;
}

it("finds nothing wrong with somebody who speaks and breathes", () => {
  expect(heard(0.001, 0.08, 0.12, 0.05, 0.002).trouble(48_000)).toBeNull();
});

it.each([
  ["noisy", heard(0.03, 0.1, 0.02)],
  ["loud", heard(0.001, 0.6, 0.5)],
  ["quiet", heard(0.001, 0.006, 0.008)],
] as const)("says that a voice is %s", (trouble, watch) => {
  expect(watch.trouble(48_000)).toBe(trouble);
});

it("knows a headset that sounds like a telephone", () => {
  expect(new VoiceWatch().trouble(16_000)).toBe("narrow");
});

it("judges nobody who has said nothing, nor too soon", () => {
  expect(heard(0.0005).trouble(48_000)).toBeNull();
  const begun = new VoiceWatch();
  begun.note(0.9);
  expect(begun.trouble(48_000)).toBeNull();
  expect(begun.trouble()).toBeNull();
});
