import { afterEach, beforeAll, expect, it, vi } from "vitest";
import "../tools/texts.setup";
import { showIn } from "./i18n";
import { goesBy } from "./roles";
import type { Role } from "./wire";

const TAX = { sv: "Skatteverket", en: "Swedish Tax Agency", ar: "مصلحة الضرائب" };
const called = (role: Role, name: string, station: number | null = null) => {
  const { name: shown, unnamed = false } = goesBy({ role, name, kind: null, station }, [{ number: 2, agency_name: TAX }]);
  return [shown, unnamed];
};

beforeAll(() => vi.stubGlobal("document", { documentElement: {} }));
afterEach(() => showIn("sv"));

it("calls an officer without a name by the agency, in the reader's language", async () => {
  expect(called("officer", "Skatteverket")).toEqual(["Skatteverket", true]);
  await showIn("ar");
  expect(called("officer", "Skatteverket")).toEqual([TAX.ar, true]);
  await showIn("ti");
  expect(called("officer", "Skatteverket")).toEqual(["Skatteverket", true]);
  expect(called("officer", "", 2)).toEqual(["Skatteverket", true]);
  expect(called("officer", "Karin Lund", 2)).toEqual(["Karin Lund", false]);
});

it("knows the words that were once kept as names, of that role only", async () => {
  await showIn("en");
  expect(called("companion", "Medföljande")).toEqual(["Companion", true]);
  expect(called("interpreter", "Tolk")).toEqual(["Interpreter", true]);
  expect(called("host", "Tolk")).toEqual(["Tolk", false]);
});
