import { describe, expect, it } from "vitest";
import { SilenceWatch } from "./silence";

const QUIET_ROOM = 0.002;

describe("a microphone that gives nothing", () => {
  it("is told of after five seconds, not before", () => {
    const watch = new SilenceWatch();
    expect([0, 2_000, 4_900, 5_000].map((now) => watch.flat(0, now))).toEqual([false, false, false, true]);
  });

  it("is not somebody who says nothing in a quiet room", () => {
    const watch = new SilenceWatch();
    expect([0, 6_000, 60_000].map((now) => watch.flat(QUIET_ROOM, now))).toEqual([false, false, false]);
  });

  it("is forgiven at the first sound", () => {
    const watch = new SilenceWatch();
    watch.flat(0, 0);
    expect(watch.flat(0, 6_000)).toBe(true);
    expect(watch.flat(QUIET_ROOM, 6_100)).toBe(false);
    expect(watch.flat(0, 6_200)).toBe(false);
    expect(watch.flat(0, 11_300)).toBe(true);
  });

  it("is not what nobody has measured", () => {
    const watch = new SilenceWatch();
    watch.flat(0, 0);
    expect(watch.flat(null, 6_000)).toBe(false);
    expect(watch.flat(0, 7_000)).toBe(false);
  });
});
