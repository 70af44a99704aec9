/** The interpreting that agencies pay for: sums, and files for whoever invoices. */
import type { LedgerRow } from "../wire";

export interface Sum {
  agency: string;
  name: string;
  seconds: number;
  charged: number;
}

/** One for each agency, the largest first. */
export function sums(rows: readonly LedgerRow[]): Sum[] {
  const found = new Map<string, Sum>();
  for (const row of rows) {
    const sum = found.get(row.agency) ?? { agency: row.agency, name: row.agency_name, seconds: 0, charged: 0 };
    found.set(row.agency, { ...sum, seconds: sum.seconds + row.seconds, charged: sum.charged + row.charged });
  }
  return [...found.values()].sort((one, other) => other.charged - one.charged);
}

/** `2:05:09`, or `5:09`: hours only where there are some. */
export function length(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, index) => (index ? String(part).padStart(2, "0") : String(part))).join(":");
}

const COLUMNS = [
  "day", "agency", "site", "meeting", "station", "interpreter", "name", "kind", "languages", "begins", "ends", "seconds", "charged",
] as const satisfies readonly (keyof LedgerRow)[];

/** Where a cell begins like a formula: a Swedish spreadsheet also begins one after a semicolon. */
const FORMULA = /((?:^|[;,|\t"])\s*)(?=[=+\-@＝＋－＠\t\r])/g;

/** RFC 4180; no cell begins like a formula. */
export function asCsv(rows: readonly LedgerRow[]): string {
  const cell = (value: string | number) => {
    const text = typeof value === "string" ? value.replace(FORMULA, "$1'") : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const line = (row: LedgerRow) => COLUMNS.map((name) => cell(name === "languages" ? row.languages.join(" ") : row[name])).join(",");
  return [COLUMNS.join(","), ...rows.map(line), ""].join("\r\n");
}
