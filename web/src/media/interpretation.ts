/**
 * What one listener hears of the floor and of each interpreter, as numbers: pure, so that it can be read and tested.
 * The server decides who may be heard at all; this chooses among what it sends.
 */
import type { InterpreterAtWork, Interpreting, Role, Source } from "../wire";

/** −18 dB. */
export const LOWERED = 0.1259;
/** From here on somebody speaks (root mean square). */
export const SPEAKING = 0.008;
/** So long an interpreter is silent before the floor comes back (ms). */
export const PATIENCE = 600;

/** Seconds until two thirds of a change are done; all but all of it after three times that. */
export const RAMP = { switch: 0.015, lower: 0.05, lift: 0.2 } as const;

export type Preference = "interpretation" | "original";

export interface Ear {
  role: Role;
  interpreting: Interpreting;
  preference: Preference;
  /** Loudness of the floor while interpretation is spoken over it, linear. */
  under: number;
  /** Loudness of the floor otherwise. */
  floor: number;
}

/** Loudness of one voice for this ear; `lowered`: somebody speaks into its language over the floor. */
export function loudnessOf(voice: { participant: string; source: Source }, ear: Ear, lowered: boolean): number {
  if (voice.source !== "interpretation") return lowered ? Math.min(ear.under, ear.floor) : ear.floor;
  const desk = ear.interpreting.interpreters.find((one) => one.participant === voice.participant);
  return desk ? ofInterpreter(desk, ear) : 1;
}

function ofInterpreter(desk: InterpreterAtWork, ear: Ear): number {
  if (desk.participant === ear.interpreting.heard) return ear.preference === "original" ? 0 : 1;
  if (!desk.on_duty) return 0;
  // In turns, everybody hears that the interpreter speaks, whichever the language. Over others' voices, only who needs it.
  if (desk.into === null || desk.mode === "consecutive") return 1;
  return 0;
}

/** The interpreter under whose voice the floor may be lowered for this ear. */
export function overTheFloor(ear: Ear): InterpreterAtWork | null {
  if (ear.preference === "original") return null;
  const desk = ear.interpreting.interpreters.find((one) => one.participant === ear.interpreting.heard);
  return desk?.mode === "simultaneous" ? desk : null;
}

/** Is the floor lowered? By an interpreter's voice, until they have been silent for a while, or hand it back. */
export class Lowering {
  private heardAt: number | null = null;

  note(desk: InterpreterAtWork | null, level: number, now: number): boolean {
    if (!desk) {
      this.heardAt = null;
      return false;
    }
    if (level > SPEAKING) this.heardAt = now;
    if (this.heardAt === null) return false;
    if (desk.automatic && now - this.heardAt > PATIENCE) this.heardAt = null;
    return this.heardAt !== null;
  }
}

/** A slider's place, 0 to 1, for a loudness and back: steps that sound alike. */
export const toSlider = (loudness: number): number => Math.sqrt(loudness);
export const fromSlider = (place: number): number => place * place;
