import { expect, it } from "vitest";
import { type Texts, texts } from "./texts";

const { sv, en, ar } = texts;

function flat(texts: Texts, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(texts)) {
    const name = path ? `${path}.${key}` : key;
    if (typeof value === "string") found.set(name, value);
    else for (const [inner, text] of flat(value, name)) found.set(inner, text);
  }
  return found;
}

const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort();
const swedish = flat(sv);

it("has every text in English", () => {
  expect([...flat(en).keys()].sort()).toEqual([...swedish.keys()].sort());
});

it.each([["en", en], ["ar", ar]])("says nothing in %s that Swedish does not, with the same placeholders", (_, texts) => {
  for (const [key, text] of flat(texts as Texts)) {
    expect(swedish.has(key), key).toBe(true);
    expect(placeholders(text), key).toEqual(placeholders(swedish.get(key)!));
  }
});

it.each(["newcomer", "consent", "status", "link"] as const)("has all of the newcomer's texts about %s in Arabic", (part) => {
  const expected = [...flat(sv[part] as Texts).keys()];
  const known = flat(ar[part] as Texts);
  const staffOnly = new Set(["waiting", "withdraw", "finishedTitle", "finishedText"]);
  expect(expected.filter((key) => !known.has(key) && !staffOnly.has(key))).toEqual([]);
});
