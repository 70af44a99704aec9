import { expect, it } from "vitest";
import type { LedgerRow } from "../wire";
import { asCsv, length, sums } from "./ledger";

const row = (agency: string, seconds: number, charged: number, name = "Amal Said"): LedgerRow => ({
  agency,
  agency_name: agency.toUpperCase(),
  meeting: "m_1",
  site: "gavle",
  site_name: "Gävle",
  station: 1,
  interpreter: "p_1",
  name,
  kind: "spoken",
  languages: ["ar", "sv"],
  day: "2026-11-25",
  begins: "2026-11-25T09:00:00Z",
  ends: "2026-11-25T09:10:00Z",
  seconds,
  charged,
});

it("sums up what each agency pays", () => {
  const found = sums([row("a", 61, 120), row("b", 600, 600), row("a", 59, 60)]);
  expect(found.map(({ agency, seconds, charged }) => [agency, seconds, charged])).toEqual([["b", 600, 600], ["a", 120, 180]]);
});

it.each([[0, "0:00"], [59.6, "1:00"], [309, "5:09"], [3600, "1:00:00"], [7509, "2:05:09"]])("writes %d seconds as %s", (seconds, text) => {
  expect(length(seconds)).toBe(text);
});

it("writes a table that spreadsheets read", () => {
  expect(asCsv([row("a", 61, 120)]).split("\r\n")).toEqual([
    "day,agency,site,meeting,station,interpreter,name,kind,languages,begins,ends,seconds,charged",
    "2026-11-25,a,gavle,m_1,1,p_1,Amal Said,spoken,ar sv,2026-11-25T09:00:00Z,2026-11-25T09:10:00Z,61,120",
    "",
  ]);
});

it.each([["=1+1", "'=1+1"], ["-1", "'-1"], ["Ek;=1+1;", "Ek;'=1+1;"], ["＝1", "'＝1"], ["Eva-Lena", "Eva-Lena"], ['Ek, "Bo"', '"Ek, ""Bo"""']])("lets no name (%s) be a formula or break the table", (name, cell) => {
  expect(asCsv([row("a", 1, 60, name)]).split("\r\n")[1]).toContain(`,p_1,${cell},spoken,`);
});
