import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Pulse } from "./pulse";

let told: string[];
let pulse: Pulse;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  pulse = new Pulse({
    ask: () => told.push("ask"),
    quiet: (quiet) => told.push(quiet ? "quiet" : "heard"),
    dead: () => told.push("dead"),
  });
  pulse.start();
});
afterEach(() => {
  pulse.stop();
  vi.useRealTimers();
});

it("asks nothing while something comes", () => {
  for (let second = 0; second < 20; second += 1) {
    vi.advanceTimersByTime(1_000);
    pulse.heard();
  }
  expect(told).toEqual([]);
});

it("asks first, then says that nothing comes, then gives the line up", () => {
  vi.advanceTimersByTime(3_999);
  expect(told).toEqual(["ask"]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual(["ask", "quiet"]);
  vi.advanceTimersByTime(4_000);
  expect(told).toEqual(["ask", "quiet", "dead"]);
});

it("takes it back as soon as something comes, and watches on", () => {
  vi.advanceTimersByTime(5_000);
  pulse.heard();
  expect(told).toEqual(["ask", "quiet", "heard"]);
  vi.advanceTimersByTime(2_000);
  expect(told.at(-1)).toBe("ask");
});

it("is still once it has been stopped", () => {
  vi.advanceTimersByTime(4_000);
  pulse.stop();
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual(["ask", "quiet", "heard"]);
});

it("does not take a page whose timers have rested for a dead line", () => {
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(1_000);
  expect(told).toEqual([]);
});
