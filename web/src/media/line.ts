/** Text letter by letter: edits of a line, as in the call `text.type`. Places are counted in code points. */
import { direction } from "../i18n";

export interface Edit {
  revision: number;
  keep: number;
  add: string;
}

/** As many characters as a line may have. */
export const LONGEST_LINE = 500;

/** Controls, halves of surrogate pairs, and what turns the direction of the text around it: the service takes none. */
const NOT_TAKEN = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]+/gu;

export function takeable(text: string): string {
  return [...text.replace(NOT_TAKEN, " ")].slice(0, LONGEST_LINE).join("");
}

/** What turns `before` into `after`. */
export function edit(before: string, after: string): { keep: number; add: string } {
  const [from, to] = [[...before], [...after]];
  let keep = 0;
  while (keep < from.length && keep < to.length && from[keep] === to[keep]) keep += 1;
  return { keep, add: to.slice(keep).join("") };
}

/** The line after the edit. Null: an earlier edit is missing. */
export function follow<Line extends { revision: number; text: string }>(line: Line, { revision, keep, add }: Edit): Line | null {
  if (revision <= line.revision) return line;
  const kept = [...line.text];
  if (keep > kept.length || (keep > 0 && revision !== line.revision + 1)) return null;
  return { ...line, revision, text: kept.slice(0, keep).join("") + add };
}

const RIGHT = /[\p{sc=Arab}\p{sc=Hebr}\p{sc=Syrc}\p{sc=Thaa}\p{sc=Nkoo}]/u;
const LETTER = /\p{L}/u;

/** The direction of a line: that of its first letter, or of its language as long as it has none. */
export function directionOf(text: string, language: string): "ltr" | "rtl" {
  const first = [...text].find((one) => LETTER.test(one));
  if (first === undefined) return direction(language);
  return RIGHT.test(first) ? "rtl" : "ltr";
}
