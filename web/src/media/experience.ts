/** What this device goes through, from the browser's counters: pictures that stand still, sound that is made up. */
import type { ConsumerStats } from "./counters";

export interface Experience {
  /** Pictures that stood still since the counters before. */
  freezes: number;
  /** Share of the sound that was made up since then, 0 to 1; of the worst voice. */
  concealed: number;
}

/** With less sound than this a share says nothing: a quarter of a second at 48 kHz. */
const LEAST = 12_000;

export function experience(now: readonly ConsumerStats[], before: readonly ConsumerStats[]): Experience {
  const earlier = new Map(before.map((one) => [one.id, one]));
  let freezes = 0;
  let concealed = 0;
  for (const one of now) {
    const then = earlier.get(one.id);
    if (!then) continue;
    freezes += Math.max(0, (one.freezeCount ?? 0) - (then.freezeCount ?? 0));
    concealed = Math.max(concealed, madeUp(one, then));
  }
  return { freezes, concealed };
}

/** What is made up while nothing is sent (somebody is muted) does not count. */
function madeUp(now: ConsumerStats, then: ConsumerStats): number {
  const all = (now.totalSamplesReceived ?? 0) - (then.totalSamplesReceived ?? 0);
  const audible = (one: ConsumerStats) => (one.concealedSamples ?? 0) - (one.silentConcealedSamples ?? 0);
  const silent = (now.silentConcealedSamples ?? 0) - (then.silentConcealedSamples ?? 0);
  if (all - silent < LEAST) return 0;
  return Math.min(1, Math.max(0, audible(now) - audible(then)) / (all - silent));
}
