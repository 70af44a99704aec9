import { describe, expect, it } from "vitest";
import { Moves } from "./moves";

const on = (kind?: string) => ({ online: true, kind });
const off = { online: false };

describe("a device has come to another network", () => {
  it("when it was away and is back", () => {
    const moves = new Moves();
    expect([off, on(), on()].map((network, place) => moves.note(network, place * 1000))).toEqual([false, true, false]);
  });

  it("when its network is of another kind", () => {
    const moves = new Moves("wifi");
    const kinds = ["wifi", "cellular", "cellular", "wifi"];
    expect(kinds.map((kind, place) => moves.note(on(kind), place * 1000))).toEqual([false, true, false, true]);
  });

  it("once for all events that tell of it", () => {
    const moves = new Moves("wifi");
    expect([off, on("cellular"), on("cellular")].map((network, place) => moves.note(network, place * 10))).toEqual([
      false, true, false,
    ]);
    moves.note(off, 100);
    expect(moves.note(on("wifi"), 1_000)).toBe(true);
  });

  it("not when the browser only thinks better of its line, or begins to tell its kind", () => {
    const moves = new Moves();
    expect([on(), on(), on("wifi"), on(), on("wifi")].map((network, place) => moves.note(network, place * 1000))).toEqual([
      false, false, false, false, false,
    ]);
  });

  it("not while there is none", () => {
    const moves = new Moves("wifi");
    expect(moves.note(on("none"), 0)).toBe(false);
    expect(moves.note(on("wifi"), 5_000)).toBe(true);
  });
});
