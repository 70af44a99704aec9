import { describe, expect, it } from "vitest";
import { Stillness } from "./stillness";

/** When it is told that nothing comes, of looks every 500 ms; `flows`: what is played at a time, `path`: what has come. */
function told(flows: (at: number) => number | null, path: (at: number) => number, until = 30_000): number[] {
  const stillness = new Stillness();
  const found: number[] = [];
  for (let at = 0; at <= until; at += 500) {
    if (stillness.suspects(flows(at), at) && stillness.stands(path(at), at)) found.push(at);
  }
  return found;
}

const upTo = (end: number) => (at: number) => Math.min(at, end);

describe("a path on which nothing comes", () => {
  it("is noticed within two seconds", () => {
    expect(told(upTo(5_000), upTo(5_000), 12_000)).toEqual([6_500]);
  });

  it("is none while something comes that is not played, as in a pause", () => {
    expect(told(upTo(5_000), (at) => at)).toEqual([]);
  });

  it("is not looked for before anything has come, or when nothing is to be played any more", () => {
    expect(told(() => null, () => 0)).toEqual([]);
    expect(told((at) => (at < 5_000 ? at : null), upTo(5_000))).toEqual([]);
  });

  it("is told more and more rarely while nothing comes, as when everybody is silent", () => {
    const apart = told(upTo(5_000), upTo(5_000), 1_200_000).map((at, place, all) => at - (all[place - 1] ?? at));
    expect(apart.slice(1, 6).map((gap) => Math.floor(gap / 1_000))).toEqual([15, 30, 60, 120, 240]);
    expect(Math.max(...apart)).toBeLessThan(242_000);
  });

  it("is told again soon when something has come meanwhile, and not often", () => {
    const stops = (at: number) => Math.floor(at / 4_000) * 4_000 + Math.min(at % 4_000, 1_000);
    const found = told(stops, stops, 40_000);
    expect(found.length).toBeGreaterThan(1);
    for (const [place, at] of found.slice(1).entries()) expect(at - found[place]!).toBeGreaterThanOrEqual(15_000);
  });
});
