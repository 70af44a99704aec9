/** Texts in the person's language. Swedish is complete; what another language lacks is shown in Swedish. */
import { type TranslationProviderInterface, TranslationService } from "@fkui/logic";
import { createI18n } from "vue-i18n";
import { texts } from "./locales/texts";
import type { Names, Role } from "./wire";

export const LOCALES = { sv: "Svenska", en: "English", ar: "العربية" } as const;
export type Locale = keyof typeof LOCALES;

/** Newcomers and those beside them; who works in the meeting has texts in these. */
const FOR_STAFF: readonly Locale[] = ["sv", "en"];

const RIGHT_TO_LEFT = new Set(["ar", "fa", "ps", "ur"]);

/** One, two, a few, many. A text that has only two forms is shown in Swedish. */
function arabicForm(count: number, forms: number): number {
  if (forms < 4) return Math.min(count === 1 ? 0 : 1, forms - 1);
  const last = count % 100;
  return count === 1 ? 0 : count === 2 ? 1 : last >= 3 && last <= 10 ? 2 : 3;
}

export const i18n = createI18n({
  legacy: false,
  locale: "sv",
  fallbackLocale: "sv",
  pluralRules: { ar: arabicForm },
  messages: texts,
  missingWarn: false,
  fallbackWarn: false,
});

export function isLocale(language: string): language is Locale {
  return language in LOCALES;
}

/** Languages in which the pages of this role are complete; without a role, those of the staff's pages. */
export function localesFor(role: Role | "guest" | null): readonly Locale[] {
  const all = Object.keys(LOCALES) as Locale[];
  return role === "guest" || role === "newcomer" || role === "companion" || role === "attendee" ? all : FOR_STAFF;
}

export function direction(language: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.has(language.split("-")[0]) ? "rtl" : "ltr";
}

export function locale(): Locale {
  return i18n.global.locale.value as Locale;
}

export function showIn(language: Locale): void {
  i18n.global.locale.value = language;
  document.documentElement.lang = language;
  document.documentElement.dir = direction(language);
}

/** The name in the page's language, else in Swedish, else any. */
export function nameIn(names: Names | string, language: string): string {
  if (typeof names === "string") return names;
  return names[language] ?? names.sv ?? Object.values(names)[0] ?? "";
}

/** FKUI asks for its own few texts here; its Swedish defaults stand where we have none. */
export function bridgeFkui(): void {
  const provider: TranslationProviderInterface = {
    get currentLanguage() {
      return locale();
    },
    async changeLanguage(language: string) {
      if (isLocale(language)) showIn(language);
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
