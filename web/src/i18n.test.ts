import { afterEach, expect, it, vi } from "vitest";
import "../tools/texts.setup";
import { onDuty, direction, i18n, newcomersOwn, showIn } from "./i18n";

vi.stubGlobal("document", { documentElement: { lang: "sv", dir: "ltr" } });
afterEach(() => showIn("sv"));

it("turns the page to another language with its direction, once the texts are here", async () => {
  const turning = showIn("fa");
  expect(i18n.global.t("action.send")).toBe("Skicka");
  expect(await turning).toBe(true);
  expect(i18n.global.t("action.send")).toBe("فرستادن");
  expect(document.documentElement).toEqual({ lang: "fa", dir: "rtl" });
});

it("ends in the language that was wanted last", async () => {
  const [first, last] = await Promise.all([showIn("ti"), showIn("en")]);
  expect([first, last]).toEqual([false, true]);
  expect(document.documentElement.lang).toBe("en");
});

it("shows in Swedish what a language lacks", async () => {
  await showIn("so");
  await vi.waitFor(() => expect(i18n.global.t("staff.new")).toBe("Nytt möte"));
});

it.each([
  ["sv", [1, 2], ["1 barn", "2 barn"]],
  ["en", [1, 2], ["1 child", "2 children"]],
  ["ar", [1, 2, 3, 11, 100], ["طفل واحد", "طفلان", "3 أطفال", "11 طفلًا", "100 طفلًا"]],
  ["so", [1, 4], ["1 ilmo", "4 carruur ah"]],
  ["ti", [1, 4], ["1 ቆልዓ", "4 ቆልዑ"]],
] as const)("counts in %s by the rules of the language", async (language, counts, texts) => {
  await onDuty(async () => null)();
  await showIn(language);
  expect(counts.map((n) => i18n.global.t("people.children", { n }, n))).toEqual(texts);
});

it("writes Dari and Arabic from right to left, the others from left to right", () => {
  expect(["ar", "fa", "sv", "so", "ti"].map(direction)).toEqual(["rtl", "rtl", "ltr", "ltr", "ltr"]);
});

it("finds the language of a newcomer among those of a device", () => {
  expect(newcomersOwn(["ti-ER", "en"])).toBe("ti");
  expect(newcomersOwn(["sv-SE", "so", "ar"])).toBe("so");
  expect(newcomersOwn(["prs-AF"])).toBe("fa");
  expect(newcomersOwn(["sv-SE", "en-GB", "xx"])).toBeNull();
});
