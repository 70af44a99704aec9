import { describe, expect, it } from "vitest";
import { type Heard, Hearing, Ladder, Sending, type Told } from "./health";

/** What is judged of a track at one look a second, from counters that grow by `step` each time. */
function judged(kind: "audio" | "video", looks: number, step: Partial<Heard>, told: (at: number) => Told | null = () => null) {
  const hearing = new Hearing(kind);
  return Array.from({ length: looks }, (_, look) => {
    const at = look * 1000;
    const counted = Object.fromEntries(Object.entries(step).map(([name, by]) => [name, look * by])) as Partial<Heard>;
    return hearing.note({ at, packets: 0, ...counted, level: step.level, spoken: step.spoken }, told(at));
  });
}

const comes = (at: number): Told => ({ at: Math.floor(at / 5000) * 5000, comes: true });

describe("a track that is received", () => {
  it("is well while packets come and pictures are seen", () => {
    expect(judged("video", 12, { packets: 30, frames: 10 }, comes).every((one) => one === null)).toBe(true);
  });

  it("is missing once the service says that it came in a time in which nothing arrived", () => {
    const found = judged("video", 12, {}, comes);
    expect(found.indexOf("missing")).toBe(10);
    expect(found.slice(0, 10).every((one) => one === null)).toBe(true);
  });

  it("is not missing when nothing is sent, or nobody says that it is", () => {
    expect(judged("audio", 30, {}, (at) => ({ at, comes: false })).every((one) => one === null)).toBe(true);
    expect(judged("audio", 30, {}).every((one) => one === null)).toBe(true);
  });

  it("is black when packets come for three seconds and no picture of them", () => {
    expect(judged("video", 6, { packets: 30 }).indexOf("black")).toBe(3);
  });

  it("is not black when it stands still and hardly anything is sent", () => {
    expect(judged("video", 12, { packets: 1 }).every((one) => one === null)).toBe(true);
  });

  it("is silent when packets come and nothing is played", () => {
    expect(judged("audio", 6, { packets: 50 }).indexOf("silent")).toBe(3);
  });

  it("is silent when somebody speaks again and again and nothing is mixed of it", () => {
    const flowing = { packets: 50, samples: 48_000 };
    expect(judged("audio", 8, { ...flowing, spoken: 0.6, level: 0 }).indexOf("silent")).toBe(3);
    expect(judged("audio", 20, { ...flowing, spoken: 0.6, level: 0.01 }).every((one) => one === null)).toBe(true);
    expect(judged("audio", 20, { ...flowing, spoken: 0.1, level: 0 }).every((one) => one === null)).toBe(true);
    expect(judged("audio", 20, { ...flowing, spoken: 0.6 }).every((one) => one === null)).toBe(true);
  });
});

describe("a source that is sent", () => {
  function sending(looks: number, packets: number, told: (at: number) => Told | null) {
    const source = new Sending();
    return Array.from({ length: looks }, (_, look) => source.note({ at: look * 1000, packets: look * packets }, told(look * 1000)));
  }

  it("is well while packets leave and the service gets them", () => {
    expect(sending(20, 50, comes).every((one) => one === null)).toBe(true);
  });

  it("is unsent when no packet leaves for three seconds", () => {
    expect(sending(6, 0, comes).indexOf("unsent")).toBe(3);
  });

  it("is lost when packets leave and the service got none in a whole interval", () => {
    const found = sending(20, 50, (at) => ({ at: Math.floor(at / 5000) * 5000, comes: false }));
    expect(found.indexOf("lost")).toBe(11);
  });

  it("is unanswered when no report of it has come for eight seconds", () => {
    const source = new Sending();
    const found = Array.from({ length: 15 }, (_, look) =>
      source.note({ at: look * 1000, packets: look * 50, answered: Math.min(look, 4) }, null));
    expect(found.indexOf("unanswered")).toBe(12);
    expect(found.slice(0, 12).every((one) => one === null)).toBe(true);
  });

  it("has time to arrive before anything is thought of it", () => {
    expect(sending(10, 50, (at) => ({ at, comes: false })).every((one) => one === null)).toBe(true);
  });
});

describe("the steps of a repair", () => {
  const taken = (ladder: Ladder<string>, seconds: number, ails: (at: number) => boolean) =>
    Array.from({ length: seconds }, (_, second) => ({ second, step: ladder.note(ails(second), second * 1000) }))
      .filter(({ step }) => step !== null).map(({ second, step }) => `${second} ${step}`);

  it("follow one another with time to work, and begin anew after a rest", () => {
    expect(taken(new Ladder(["a", "b"]), 40, () => true)).toEqual(["0 a", "4 b", "34 a", "38 b"]);
  });

  it("go on where they were when it ails again soon, and begin anew when all has been well for long", () => {
    expect(taken(new Ladder(["a", "b"]), 12, (at) => at === 0 || at === 8)).toEqual(["0 a", "8 b"]);
    expect(taken(new Ladder(["a", "b"]), 60, (at) => at === 0 || at === 50)).toEqual(["0 a", "50 a"]);
  });
});
