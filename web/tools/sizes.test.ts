// @vitest-environment node
import { expect, it } from "vitest";
import { LANGUAGES, sizes } from "./sizes.mjs";

/** Compressed, fonts and texts of the language included; of the pages as they were built last. */
const FIRST_PAGE = 250_000;
const IN_THE_MEETING = 320_000;

it.each(LANGUAGES)("lets a newcomer in with little to fetch (%s)", (language: string) => {
  const { first, all } = sizes("newcomer", language);
  expect(first).toBeLessThan(FIRST_PAGE);
  expect(all).toBeLessThan(IN_THE_MEETING);
  expect(first).toBeGreaterThan(50_000);
});
