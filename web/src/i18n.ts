/**
 * Texts in the person's language, fetched when they are wanted and shown once they are here: those that everybody can
 * meet, and on the pages of those who work also the rest. What a language lacks is shown in Swedish.
 */
import { type TranslationProviderInterface, TranslationService } from "@fkui/logic";
import { createI18n } from "vue-i18n";
import reviewed from "./locales/reviewed.json";
import type { Texts } from "./locales/texts";
import type { Names, Role } from "./wire";

export const LOCALES = {
  sv: "Svenska",
  en: "English",
  ar: "العربية",
  fa: "دری",
  so: "Soomaali",
  ti: "ትግርኛ",
} as const;
export type Locale = keyof typeof LOCALES;

/** Newcomers and those beside them have every language; who works in the meeting has texts in these. */
const FOR_STAFF: readonly Locale[] = ["sv", "en"];

/** The test of the connection, which is everybody's. */
const FOR_TESTERS: readonly Locale[] = ["sv", "en", "ar"];

const RIGHT_TO_LEFT = new Set(["ar", "fa", "ckb", "ps", "ur"]);

/** A text gives its forms in this order; the last stands for every other number. */
const FORMS = ["one", "two", "few"];

/** A browser that does not know the language counts as in English. */
function pluralForm(language: string): (count: number, forms: number) => number {
  const rules = new Intl.PluralRules([language, "en"]);
  return (count, forms) => {
    const form = FORMS.indexOf(rules.select(count));
    return form < 0 ? forms - 1 : Math.min(form, forms - 1);
  };
}

export const i18n = createI18n({
  legacy: false,
  locale: "sv",
  fallbackLocale: "sv",
  pluralRules: Object.fromEntries(Object.keys(LOCALES).map((language) => [language, pluralForm(language)])),
  messages: {} as Record<string, Texts>,
  missingWarn: false,
  fallbackWarn: false,
  missing: () => void fetched(FALLBACK, PARTS).catch(() => undefined),
});

const FALLBACK = "sv";
const PARTS = ["index", "duty"] as const;
type Part = (typeof PARTS)[number];

const files = import.meta.glob<Texts>("./locales/*/{index,duty}.ts", { import: "default" });
/** By file, whether here already or on their way. */
const coming = new Map<string, Promise<void>>();
const needed = new Set<Part>(["index"]);

export function isLocale(language: string): language is Locale {
  return language in LOCALES;
}

/** Languages in which the pages of this role are complete; without a role, those of the staff's pages. */
export function localesFor(role: Role | "guest" | "tester" | null): readonly Locale[] {
  if (role === "tester") return FOR_TESTERS;
  const all = Object.keys(LOCALES) as Locale[];
  return role === "guest" || role === "newcomer" || role === "companion" || role === "attendee" ? all : FOR_STAFF;
}

/** Our names of languages that browsers name more narrowly: Dari. */
const NARROWER: Record<string, Locale> = { prs: "fa" };

/** The language of newcomers that the device is set to, if any; everybody's devices are set to Swedish or English. */
export function newcomersOwn(devices: readonly string[]): Locale | null {
  const known = devices.map((one) => one.toLowerCase().split(/[-_]/)[0]).map((one) => NARROWER[one] ?? one);
  return known.filter(isLocale).find((one) => !FOR_STAFF.includes(one)) ?? null;
}

export function direction(language: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.has(language.split("-")[0]) ? "rtl" : "ltr";
}

export function locale(): Locale {
  return i18n.global.locale.value as Locale;
}

function fetchedPart(language: Locale, part: Part): Promise<void> {
  const file = `./locales/${language}/${part}.ts`;
  let texts = coming.get(file);
  if (!texts) {
    texts = files[file]().then((some) => i18n.global.mergeLocaleMessage(language, some));
    coming.set(file, texts);
    texts.catch(() => coming.delete(file));
  }
  return texts;
}

async function fetched(language: Locale, parts: Iterable<Part>): Promise<void> {
  await Promise.all([...parts].map((part) => fetchedPart(language, part)));
}

let wanted: Locale = "sv";

/** Loads a page of those on duty, with its texts; from then on they come in every language. */
export function onDuty<Page>(load: () => Promise<Page>): () => Promise<Page> {
  return async () => {
    needed.add("duty");
    const [page] = await Promise.all([load(), fetched(wanted, needed)]);
    return page;
  };
}

/** True when the page is in that language; false when another was wanted meanwhile. Rejects when it cannot be fetched. */
export async function showIn(language: Locale): Promise<boolean> {
  wanted = language;
  await fetched(language, needed);
  if (wanted !== language) return false;
  i18n.global.locale.value = language;
  document.documentElement.lang = language;
  document.documentElement.dir = direction(language);
  return true;
}

/** A translator has read the texts of this language. */
export function isReviewed(language: string): boolean {
  return Boolean((reviewed as Record<string, string>)[language]);
}

/** The name in the page's language, else in Swedish, else any. */
export function nameIn(names: Names | string, language: string): string {
  if (typeof names === "string") return names;
  return names[language] ?? names.sv ?? Object.values(names)[0] ?? "";
}

/** A text and the language that it was found in: the page's own, else Swedish. */
export function textIn(texts: Names, language: string): { text: string; lang: string } {
  const lang = texts[language] ? language : "sv";
  return { text: texts[lang] ?? "", lang };
}

/** FKUI asks for its own few texts here; its Swedish defaults stand where we have none. */
export function bridgeFkui(): void {
  const provider: TranslationProviderInterface = {
    get currentLanguage() {
      return locale();
    },
    async changeLanguage(language: string) {
      if (isLocale(language)) await showIn(language);
    },
    translate(key, defaultOrArgs, args) {
      const known = FKUI_KEYS[key];
      if (known) return i18n.global.t(known);
      const text = typeof defaultOrArgs === "string" ? defaultOrArgs : key;
      const values = typeof defaultOrArgs === "string" ? args : defaultOrArgs;
      return text.replace(/{{\s*(\w+)\s*}}/g, (_, name: string) => String(values?.[name] ?? ""));
    },
  };
  TranslationService.changeProvider(provider);
}

const FKUI_KEYS: Record<string, string> = {
  "fkui.modal.close": "action.close",
};
