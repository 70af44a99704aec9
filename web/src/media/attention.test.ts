import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Attention, layerFor } from "./attention";
import { Looks } from "./looks";
import type { Caller } from "./rpc";

const track = {} as MediaStreamTrack;
const place = {};
let calls: [string, unknown][];
let looks: Looks;
let visible: boolean;
let attention: Attention;

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  looks = new Looks();
  visible = true;
  const call = (async (method: string, params: unknown) => void calls.push([method, params])) as Caller;
  attention = new Attention(call, (one) => looks.of(one), () => visible);
  looks.watch(() => attention.soon());
});

afterEach(() => vi.useRealTimers());

function see(width: number, first = false): void {
  looks.see(track, place, { width, height: 0 }, first);
}

describe("a picture", () => {
  it("is asked for as large as its place", () => expect([96, 400, 401, 800, 801, 4000].map(layerFor)).toEqual([0, 0, 1, 1, 2, 2]));

  it("that changes its size many times is told of once", () => {
    attention.begun("c", track);
    for (const width of [900, 500, 300]) see(width);
    vi.advanceTimersByTime(1_000);
    expect(calls).toEqual([["media.setPreferredLayers", { id: "c", spatial: 0, first: false }]]);
  });

  it("is not told of again while its layer is the same", () => {
    attention.begun("c", track);
    for (const width of [300, 310, 320]) {
      see(width);
      vi.advanceTimersByTime(1_000);
    }
    expect(calls.length).toBe(1);
  });

  it("of signs goes first, and is as large as its largest place", () => {
    attention.begun("c", track);
    see(300, true);
    looks.see(track, {}, { width: 10, height: 450 });
    vi.advanceTimersByTime(1_000);
    expect(calls).toEqual([["media.setPreferredLayers", { id: "c", spatial: 1, first: true }]]);
  });

  it("that nobody sees for a while is not sent, and comes back at once", () => {
    attention.begun("c", track);
    see(300);
    vi.advanceTimersByTime(1_000);
    looks.leave(track, place);
    vi.advanceTimersByTime(1_000);
    see(300);
    vi.advanceTimersByTime(5_000);
    expect(calls.length).toBe(1);
    looks.leave(track, place);
    vi.advanceTimersByTime(5_000);
    expect(calls.slice(1)).toEqual([["media.pauseConsumer", { id: "c" }]]);
    see(300);
    vi.advanceTimersByTime(300);
    expect(calls.slice(2)).toEqual([["media.resumeConsumer", { id: "c" }]]);
  });

  it("behind another tab is not sent", () => {
    attention.begun("c", track);
    see(300);
    vi.advanceTimersByTime(1_000);
    visible = false;
    attention.soon();
    vi.advanceTimersByTime(5_000);
    expect(calls.slice(1)).toEqual([["media.pauseConsumer", { id: "c" }]]);
  });

  it("is told of anew when the connection is back", () => {
    attention.begun("c", track);
    see(900);
    vi.advanceTimersByTime(1_000);
    attention.begun("c", track);
    vi.advanceTimersByTime(1_000);
    expect(calls.length).toBe(2);
  });

  it("that is gone is told of no more", () => {
    attention.begun("c", track);
    attention.ended("c");
    see(900);
    vi.advanceTimersByTime(5_000);
    expect(calls).toEqual([]);
  });
});
