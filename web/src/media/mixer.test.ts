import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Mixer } from "./mixer";

/** As much of Web Audio as decides whether anything may sound. */
class Sound extends EventTarget {
  static made: Sound[] = [];
  state = "running";
  currentTime = 0;
  destination = {};
  resumed = 0;

  constructor() {
    super();
    Sound.made.push(this);
  }

  private readonly node = () => {
    const node = { gain: { value: 1, setTargetAtTime: () => undefined }, disconnect: () => undefined, connect: (next: unknown) => next };
    return node;
  };
  createGain = this.node;
  createAnalyser = this.node;
  createMediaStreamSource = this.node;

  become(state: string): void {
    this.state = state;
    this.dispatchEvent(new Event("statechange"));
  }

  resume(): Promise<void> {
    this.resumed += 1;
    this.become("running");
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

beforeEach(() => {
  Sound.made = [];
  vi.stubGlobal("AudioContext", Sound);
  vi.stubGlobal("Audio", class {});
  vi.stubGlobal("MediaStream", class {});
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
});
afterEach(() => vi.unstubAllGlobals());

it.each(["suspended", "interrupted"])("asks for a tap while its sound is %s, and plays after it", async (state) => {
  const told: boolean[] = [];
  const mixer = new Mixer((waits) => told.push(waits));
  mixer.add("c", {} as MediaStreamTrack);
  expect(told.at(-1)).toBe(false);
  Sound.made[0].become(state);
  expect(told.at(-1)).toBe(true);
  await mixer.wake();
  expect(told.at(-1)).toBe(false);
});

it("goes on by itself when somebody comes back to the page, until it is closed", () => {
  const mixer = new Mixer(() => undefined);
  mixer.add("c", {} as MediaStreamTrack);
  Sound.made[0].become("interrupted");
  document.dispatchEvent(new Event("visibilitychange"));
  expect(Sound.made[0].resumed).toBe(1);
  Sound.made[0].become("interrupted");
  mixer.close();
  document.dispatchEvent(new Event("visibilitychange"));
  expect(Sound.made[0].resumed).toBe(1);
});
