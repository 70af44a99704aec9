import { expect, it } from "vitest";
import { directionOf, edit, follow, LONGEST_LINE, takeable } from "./line";

/** The same numbers every time. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const LETTERS = ["a", "b", "å", " ", "س", "ل", "ሰ", "👍🏽", "\u0301", "1"];

it("turns what stood there into what stands there now, whatever letters it is made of", () => {
  expect(edit("sla", "slå på")).toEqual({ keep: 2, add: "å på" });
  expect(edit("👍a", "👍")).toEqual({ keep: 1, add: "" });
  expect(edit("", "سلام")).toEqual({ keep: 0, add: "سلام" });
});

it.each([1, 2, 3, 4, 5, 6, 7, 8])("comes out right after any loss, doubling or disorder, once the whole line has come (%i)", (seed) => {
  const next = chance(seed);
  for (let round = 0; round < 100; round += 1) {
    let text = "";
    const edits = [];
    for (let revision = 1; revision <= 12; revision += 1) {
      const kept = [...text].slice(0, next([...text].length + 1)).join("");
      const after = kept + Array.from({ length: next(3) }, () => LETTERS[next(LETTERS.length)]).join("");
      edits.push({ revision, ...edit(text, after), after });
      text = after;
    }
    const right = new Map(edits.map((one) => [one.revision, one.after]));
    let line = { revision: 0, text: "" };
    for (let step = 0; step < 20; step += 1) {
      line = follow(line, edits[next(edits.length)]) ?? line;
      expect(line.text).toBe(line.revision ? right.get(line.revision) : "");
    }
    const whole = { revision: 12, keep: 0, add: text };
    expect(follow(line, whole)!.text).toBe(text);
    for (const late of edits) expect(follow(follow(line, whole)!, late)!.text).toBe(text);
  }
});

it("notices that an edit is missing", () => {
  expect(follow({ revision: 2, text: "ab" }, { revision: 4, keep: 2, add: "d" })).toBeNull();
  expect(follow({ revision: 2, text: "ab" }, { revision: 3, keep: 3, add: "d" })).toBeNull();
});

it("takes no character that the service refuses, and no more than a line has room for", () => {
  expect(takeable("ett\ntvå\u202e tre\u0007")).toBe("ett två  tre ");
  expect([...takeable("👍".repeat(600))].length).toBe(LONGEST_LINE);
});

it.each([
  ["سلام hej", "sv", "rtl"],
  ["hej سلام", "ar", "ltr"],
  ["12 …", "ar", "rtl"],
  ["12", "sv", "ltr"],
  ["ሰላም", "ti", "ltr"],
  ["", "fa", "rtl"],
])("runs %s in %s from the side where its first letter begins", (text, language, direction) => {
  expect(directionOf(text, language)).toBe(direction);
});
