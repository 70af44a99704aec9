import { expect, it } from "vitest";
import { LOCALES } from "../i18n";
import reviewed from "./reviewed.json";
import { type Source, keysIn, meets, reachable, usedBy } from "./sources";
import type { Texts } from "./texts";

const files = import.meta.glob<Texts>("./*/**/*.json", { eager: true, import: "default" });
const sources = import.meta.glob<string>(["../**/*.{vue,ts}", "!../dev/**", "!../generated/**", "!../**/*.test.ts"], {
  eager: true,
  query: "?raw",
  import: "default",
});

/** What newcomers and those beside them can meet; the other views are the staff's. */
const FOR_NEWCOMERS = ["../App.vue", "../views/JoinLink.vue", "../views/RoleView.vue", "../views/NewcomerView.vue", "../views/CompanionView.vue"];

/** The same word in both languages. */
const SAME_IN_ENGLISH = new Set(["unit.minutes", "invite.station", "host.stationOfPerson"]);

function flat(texts: Texts, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(texts)) {
    const name = path ? `${path}.${key}` : key;
    if (typeof value === "string") found.set(name, value);
    else for (const [inner, text] of flat(value, name)) found.set(inner, text);
  }
  return found;
}

const topicsOf = (language: string) => Object.entries(files).filter(([path]) => path.startsWith(`./${language}/`));
const textsIn = (topics: [string, Texts][]) => new Map(topics.flatMap(([, topic]) => [...flat(topic)]));
const textsOf = (language: string) => textsIn(topicsOf(language));
/** What everybody's pages come with; those on duty get the rest. */
const forEverybody = (language: string) => textsIn(topicsOf(language).filter(([path]) => !path.includes("/duty/")));
const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort();

const all: Source = new Map(Object.entries(sources));
const languages = Object.keys(LOCALES);
const others = languages.filter((language) => language !== "sv");
const swedish = textsOf("sv");
const known = [...swedish.keys()];

it("has every text in English", () => {
  expect(known.filter((key) => !textsOf("en").has(key))).toEqual([]);
});

it.each(languages)("brings in %s just the texts that newcomers and those beside them can meet", (language) => {
  const texts = forEverybody(language);
  const needed = usedBy(reachable(all, FOR_NEWCOMERS), known);
  expect(needed.size).toBeGreaterThan(100);
  expect([...needed].filter((key) => !texts.has(key))).toEqual([]);
  expect([...texts.keys()].filter((key) => !needed.has(key))).toEqual([]);
});

it.each(others)("says nothing in %s that Swedish does not, with the same placeholders", (language) => {
  for (const [key, text] of textsOf(language)) {
    expect(swedish.has(key), key).toBe(true);
    const forms = text.split("|").map(placeholders);
    const wanted = placeholders(swedish.get(key)!);
    expect(placeholders(text).every((one) => wanted.includes(one)), key).toBe(true);
    expect(forms.at(-1), key).toEqual(placeholders(swedish.get(key)!.split("|").at(-1)!));
  }
});

it.each(others)("has nothing in %s that was left in Swedish", (language) => {
  const same = [...textsOf(language)].filter(([key, text]) => /\p{L}{3}/u.test(text.replace(/\{\w+\}/g, "")) && text === swedish.get(key));
  const allowed = (key: string) => language === "en" && SAME_IN_ENGLISH.has(key);
  expect(same.map(([key]) => key).filter((key) => !allowed(key))).toEqual([]);
});

it.each(languages)("has each text once in %s", (language) => {
  const keys = topicsOf(language).flatMap(([, topic]) => [...flat(topic).keys()]);
  expect(keys.length).toBe(new Set(keys).size);
});

it("uses every text", () => {
  const used = usedBy(all, known);
  expect(known.filter((key) => !used.has(key))).toEqual([]);
});

it("has every text that a page asks for", () => {
  const asked = [...all.values()].flatMap((source) => keysIn(source).asked);
  expect(asked.filter((wanted) => !known.some((key) => meets(wanted, key)))).toEqual([]);
});

it("asks for texts of a topic only", () => {
  const bare = [...all.values()].flatMap((source) => [...source.matchAll(/\bt\("(\w+)"/g)].map((found) => found[1]));
  expect(bare).toEqual([]);
});

it("names for every language who has reviewed it, or nobody", () => {
  expect(Object.keys(reviewed).sort()).toEqual([...languages].sort());
});
