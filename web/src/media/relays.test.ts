import { describe, expect, it } from "vitest";
import { Relays } from "./relays";
import type { Caller } from "./rpc";

const server = (credential: string): RTCIceServer => ({ urls: "turns:turn.example.se:443", username: "1:a", credential });

function relays(first: RTCIceServer[], answer: () => RTCIceServer[]) {
  const at = { now: 0, calls: 0 };
  const call = (async () => {
    at.calls += 1;
    return { ice_servers: answer() };
  }) as unknown as Caller;
  return { at, they: new Relays(first, call, () => at.now) };
}

describe("The relays of a session", () => {
  it("are used as they came with the join for the first paths", async () => {
    const { at, they } = relays([server("first")], () => [server("second")]);
    at.now = 5_000;
    expect(await they.current()).toEqual([server("first")]);
    expect(at.calls).toBe(0);
  });

  it("are asked for anew when a path is made later, and only then", async () => {
    const { at, they } = relays([server("first")], () => [server("second")]);
    at.now = 60_000;
    expect(await they.current()).toEqual([server("second")]);
    at.now = 65_000;
    expect(await they.current()).toEqual([server("second")]);
    expect(at.calls).toBe(1);
  });

  it("stay what they were when nobody answers", async () => {
    const { at, they } = relays([server("first")], () => {
      throw new Error("cut");
    });
    at.now = 60_000;
    expect(await they.current()).toEqual([server("first")]);
  });

  it("are not asked for where a service has none", async () => {
    const { at, they } = relays([], () => []);
    at.now = 60_000;
    expect(await they.current()).toEqual([]);
    expect(at.calls).toBe(0);
  });
});
