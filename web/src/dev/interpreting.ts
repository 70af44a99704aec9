/** Interpreting as the gallery's scenes have it: Amina between Arabic and Swedish. */
import type { InterpreterAtWork, Interpreting, Role } from "../wire";

export const desk = (more: Partial<InterpreterAtWork> = {}): InterpreterAtWork => ({
  participant: "p_amina", languages: ["ar", "sv"], into: "ar", source: "sv", mode: "simultaneous", automatic: true,
  on_duty: true, relay: null, chosen: "automatic",
  since: new Date(Date.now() - 31 * 60_000).toISOString(), ...more,
});

export const listens = (language: string, more: Partial<Interpreting> = {}): Interpreting => ({
  language, heard: language === "ar" ? "p_amina" : null, floor: ["ar", "sv"], interpreters: [desk()],
  listeners: [], handover: null, terms: [], ...more,
});

const word = (id: string, text: string, translation: string) => ({ id, author: "p_amina", text, translation, language: "sv", into: "ar" });
const terms = [
  word("w1", "folkbokföring", "تسجيل السكان"),
  word("w2", "personnummer", "الرقم الشخصي"),
  word("w3", "samordningsnummer", "رقم التنسيق"),
];

/** What somebody of the role is shown in the room. */
export function interpreting(role: Role): Interpreting {
  const listeners = [
    { participant: "p_new", language: "ar" },
    { participant: "p_lena", language: "sv" },
    { participant: "p_karin", language: "sv" },
  ];
  if (role === "newcomer" || role === "companion") return listens("ar");
  if (role === "interpreter") return listens("sv", { listeners, terms });
  return listens("sv", role === "host" ? { listeners } : {});
}

const samir = (more: Partial<InterpreterAtWork> = {}): InterpreterAtWork => desk({ participant: "p_samir", on_duty: false, ...more });
const open = { id: "h", giver: "p_amina", taker: "p_samir", offered_at: new Date().toISOString() };

/** Amina's desk at other times. */
export const booth: Record<string, () => Partial<Interpreting>> = {
  colleague: () => ({ interpreters: [desk(), samir()] }),
  offered: () => ({ interpreters: [desk(), samir()], handover: { ...open, accepted_at: null, due_at: new Date(Date.now() + 60_000).toISOString() } }),
  counting: () => ({ interpreters: [desk(), samir()], handover: { ...open, accepted_at: open.offered_at, due_at: new Date(Date.now() + 3_000).toISOString() } }),
  resting: () => ({ interpreters: [desk({ on_duty: false }), samir({ on_duty: true })] }),
  asked: () => ({
    interpreters: [desk({ on_duty: false }), samir({ on_duty: true })],
    handover: { ...open, giver: "p_samir", taker: "p_amina", accepted_at: null, due_at: new Date(Date.now() + 60_000).toISOString() },
  }),
  relay: () => ({
    heard: "p_samir", floor: ["ti", "sv"],
    interpreters: [desk({ languages: ["en", "sv"], into: "sv", source: "en", mode: "consecutive", relay: "p_samir" }), samir({ on_duty: true, languages: ["ti", "en"], into: "en", source: "ti" })],
    terms: [],
  }),
};

export const waiting = (language: string): Interpreting => ({
  language, heard: null, floor: [], interpreters: [], listeners: [], handover: null, terms: [],
});
