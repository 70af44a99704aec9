import { beforeEach, describe, expect, it } from "vitest";
import type { Told } from "./health";
import { Healer, type Outgoing } from "./healer";
import type { ConsumerStats } from "./counters";

let now = 0;
let done: string[] = [];
let consumers: ConsumerStats[] = [];
let outgoing: Outgoing[] = [];
let told: Told | null = null;

function patient(): Healer {
  const note = (what: string) => async () => void done.push(`${now / 1000} ${what}`);
  return new Healer(
    {
      consumers: async () => consumers,
      outgoing: async () => outgoing,
      requestKeyframe: (id) => note(`keyframe ${id}`)(),
      restartConsumer: (id) => note(`restart ${id}`)(),
      restartPath: (direction) => note(`path ${direction}`)(),
      republish: (source) => note(`republish ${source}`)(),
      rejoin: () => void note("rejoin")(),
    },
    { now: () => now, you: () => "p_me", told: () => told, spoken: () => 0 },
  );
}

async function pass(healer: Healer, seconds: number, step: () => void = () => undefined): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    step();
    await healer.turn();
    now += 1000;
  }
}

const track = (id: string, kind: "audio" | "video"): ConsumerStats => ({
  id, kind, participant: "p_1", source: kind === "video" ? "camera" : "microphone", packetsReceived: 0, framesDecoded: 0, totalSamplesReceived: 0,
});

beforeEach(() => {
  now = 0;
  done = [];
  consumers = [];
  outgoing = [];
  told = null;
});

describe("what is black or silent", () => {
  it("gets a keyframe, then another consumer, then another path, then everything anew", async () => {
    consumers = [track("c_1", "video")];
    await pass(patient(), 28, () => (consumers[0]!.packetsReceived! += 30));
    expect(done).toEqual(["3 keyframe c_1", "7 restart c_1", "11 path recv", "23 rejoin"]);
  });

  it("is left alone as soon as it is well", async () => {
    consumers = [track("c_1", "video")];
    await pass(patient(), 28, () => {
      consumers[0]!.packetsReceived! += 30;
      if (now > 4000) consumers[0]!.framesDecoded! += 10;
    });
    expect(done).toEqual(["3 keyframe c_1"]);
  });

  it("keeps its place on the ladder with another consumer of the same source", async () => {
    consumers = [track("c_1", "video")];
    await pass(patient(), 14, () => {
      if (done.length === 2) consumers = [{ ...track("c_2", "video"), packetsReceived: consumers[0]!.packetsReceived }];
      consumers[0]!.packetsReceived! += 30;
    });
    expect(done).toEqual(["3 keyframe c_1", "7 restart c_1", "11 path recv"]);
  });

  it("is told with who it is of", async () => {
    consumers = [track("c_1", "audio")];
    const healer = patient();
    await pass(healer, 4, () => (consumers[0]!.packetsReceived! += 50));
    expect(await healer.turn()).toEqual([{ participant: "p_1", source: "microphone", ailment: "silent" }]);
  });
});

describe("a line on which nothing comes", () => {
  it("gets another path at once, whatever the single tracks would get", async () => {
    consumers = [track("c_1", "audio"), track("c_2", "video")];
    await pass(patient(), 14, () => (told = { at: Math.floor(now / 5000) * 5000, comes: true }));
    expect(done).toEqual(["10 path recv"]);
  });
});

describe("what this device sends", () => {
  it("is published anew when nothing leaves, then gets another path", async () => {
    outgoing = [{ source: "camera", packets: 5 }];
    await pass(patient(), 10);
    expect(done).toEqual(["3 republish camera", "7 path send"]);
  });

  it("gets another path at once when no answer comes back", async () => {
    outgoing = [{ source: "camera", packets: 5 }];
    await pass(patient(), 20, () => Object.assign(outgoing[0]!, { packets: outgoing[0]!.packets + 30, answered: 1 }));
    expect(done).toEqual(["8 path send"]);
  });

  it("is left alone when it is switched off in between", async () => {
    outgoing = [{ source: "camera", packets: 5 }];
    await pass(patient(), 10, () => {
      if (now === 2000) outgoing = [];
      if (now === 3000) outgoing = [{ source: "camera", packets: 5 }];
      if (now > 3000) outgoing[0]!.packets += 30;
    });
    expect(done).toEqual([]);
  });
});
