import { describe, expect, it } from "vitest";
import { judge, type LinkCounters, SlowWatch } from "./network";

const counters = (more: Partial<LinkCounters> = {}): LinkCounters => ({
  roundTrip: 0.034, sent: 0, sentLost: 0, received: new Map(), limited: false, ...more,
});
const from = (one: [number, number], other?: [number, number]) =>
  new Map(Object.entries({ p_1: one, ...(other ? { p_2: other } : {}) }).map(([id, [packets, lost]]) => [id, { packets, lost }]));

describe("the quality of one's own line", () => {
  it("is good with a short round trip and nothing lost", () => {
    expect(judge(counters({ sent: 500 }), counters())).toEqual({ quality: "good", roundTrip: 34, loss: 0 });
  });

  it.each([
    [10, "good"],
    [30, "fair"],
    [120, "poor"],
  ])("with %i of 1000 packets lost on the way up is %s", (sentLost, quality) => {
    expect(judge(counters({ sent: 1000, sentLost }), counters()).quality).toBe(quality);
  });

  it("counts what was lost since the last look only", () => {
    const before = counters({ sent: 1000, sentLost: 500 });
    expect(judge(counters({ sent: 2000, sentLost: 500 }), before).loss).toBe(0);
  });

  it.each([
    [0.5, "fair"],
    [1.2, "poor"],
  ])("with a round trip of %s s is %s", (roundTrip, quality) => {
    expect(judge(counters({ roundTrip }), null).quality).toBe(quality);
  });

  it("is fair where the picture had to become smaller", () => {
    expect(judge(counters({ limited: true }), null).quality).toBe("fair");
  });

  it("is not blamed for what one sender alone has lost", () => {
    const before = counters({ received: from([0, 0], [0, 0]) });
    expect(judge(counters({ received: from([900, 100], [1000, 0]) }), before).quality).toBe("good");
    expect(judge(counters({ received: from([900, 100]) }), counters({ received: from([0, 0]) })).quality).toBe("good");
  });

  it("is blamed for what is missing from everybody", () => {
    const before = counters({ received: from([0, 0], [0, 0]) });
    expect(judge(counters({ received: from([900, 100], [850, 150]) }), before).quality).toBe("poor");
  });
});

it("tells of a slow line after a while only, and takes it back as calmly", () => {
  const watch = new SlowWatch();
  const qualities = ["poor", "good", "fair", "poor", "poor", "good", "good", "poor", "good", "good", "good"] as const;
  expect(qualities.map((quality) => watch.note(quality))).toEqual([
    false, false, false, false, true, true, true, true, true, true, false,
  ]);
});
