/** Interpreting as the gallery's scenes have it: Amina between Arabic and Swedish. */
import type { InterpreterAtWork, Interpreting, Role } from "../wire";

export const desk = (more: Partial<InterpreterAtWork> = {}): InterpreterAtWork => ({
  participant: "p_amina", languages: ["ar", "sv"], into: "ar", source: "sv", mode: "simultaneous", automatic: true,
  on_duty: true, relay: null, chosen: "automatic", ...more,
});

export const listens = (language: string, more: Partial<Interpreting> = {}): Interpreting => ({
  language, heard: language === "ar" ? "p_amina" : null, floor: ["ar", "sv"], interpreters: [desk()],
  listeners: [], handover: null, terms: [], ...more,
});

/** What somebody of the role is shown in the room. */
export function interpreting(role: Role): Interpreting {
  const listeners = [
    { participant: "p_new", language: "ar" },
    { participant: "p_lena", language: "sv" },
    { participant: "p_karin", language: "sv" },
  ];
  if (role === "newcomer" || role === "companion") return listens("ar");
  if (role === "interpreter") return listens("sv", { listeners });
  return listens("sv", role === "host" ? { listeners } : {});
}

export const waiting = (language: string): Interpreting => ({
  language, heard: null, floor: [], interpreters: [], listeners: [], handover: null, terms: [],
});
