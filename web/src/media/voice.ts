/** Is a voice fit to be listened to for hours? From its loudness over the last while, and from what the device gives. */
export type VoiceTrouble = "narrow" | "noisy" | "loud" | "quiet";

const EVERY = 100; // ms, as the meter tells
/** So many values are looked at: 20 seconds. */
const KEPT = 20_000 / EVERY;
/** Nobody is judged by less than this: 8 seconds, of which some are speech. */
const ENOUGH = 8_000 / EVERY;
const SPOKEN = 1_500 / EVERY;

/** Root mean square, 0 to 1. */
const OVERDRIVEN = 0.45;
const SPEECH = 0.004;
const FAINT = 0.012;
const HUM = 0.015;
/** A telephone's or an old wireless headset's sound (samples a second). */
const NARROW = 32_000;

export class VoiceWatch {
  private levels: number[] = [];

  note(level: number | null): void {
    if (level === null) return;
    this.levels.push(level);
    if (this.levels.length > KEPT) this.levels.shift();
  }

  reset(): void {
    this.levels = [];
  }

  trouble(sampleRate?: number): VoiceTrouble | null {
    if (sampleRate !== undefined && sampleRate < NARROW) return "narrow";
    if (this.levels.length < ENOUGH) return null;
    const sorted = [...this.levels].sort((one, other) => one - other);
    if (sorted[Math.floor(sorted.length / 10)] > HUM) return "noisy";
    if (sorted[sorted.length - 4] > OVERDRIVEN) return "loud";
    const spoken = sorted.filter((level) => level > SPEECH);
    if (spoken.length >= SPOKEN && spoken[Math.floor(spoken.length * 0.9)] < FAINT) return "quiet";
    return null;
  }
}
