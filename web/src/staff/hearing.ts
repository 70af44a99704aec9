/** Who could hear whom, as lines beside each other in time. */
import type { HeardRow } from "../wire";

export interface Bar {
  /** Shares of the whole span, 0 to 1. */
  from: number;
  to: number;
  row: HeardRow;
}

export interface Line {
  key: string;
  listener: HeardRow["listener"];
  source: HeardRow["source"];
  bars: Bar[];
}

export interface Timeline {
  from: number;
  to: number;
  lines: Line[];
}

const who = (person: HeardRow["listener"]) => person.participant ?? person.role;

/** One line for each pair, in the order in which they first heard each other; `now` ends what goes on. */
export function timeline(rows: readonly HeardRow[], now: number): Timeline {
  const begins = rows.map((row) => Date.parse(row.begins));
  const ends = rows.map((row) => (row.ends ? Date.parse(row.ends) : now));
  const from = Math.min(...begins, now);
  const to = Math.max(...ends, from + 1);
  const share = (at: number) => (at - from) / (to - from);
  const lines = new Map<string, Line>();
  rows.forEach((row, at) => {
    const key = `${row.meeting} ${who(row.listener)} ${who(row.source)}`;
    const line = lines.get(key) ?? { key, listener: row.listener, source: row.source, bars: [] };
    line.bars.push({ from: share(begins[at]), to: share(ends[at]), row });
    lines.set(key, line);
  });
  return { from, to, lines: [...lines.values()] };
}
