/** How good this device's own line is, from the browser's counters. */

export type LinkQuality = "good" | "fair" | "poor";

/** Counters so far. What is lost on the way up is lost on our own line; what comes down may have been lost on another's. */
export interface LinkCounters {
  /** Seconds. */
  roundTrip: number | null;
  sent: number;
  sentLost: number;
  /** By the participant who sent it. */
  received: ReadonlyMap<string, { packets: number; lost: number }>;
  /** The picture is made smaller because the line carries no more. */
  limited: boolean;
}

export interface Link {
  quality: LinkQuality;
  /** Milliseconds. */
  roundTrip: number | null;
  /** Share of what was sent since the counters before, 0 to 1. */
  loss: number;
}

const POOR = { loss: 0.08, roundTrip: 0.8 };
const FAIR = { loss: 0.02, roundTrip: 0.3 };

export function judge(now: LinkCounters, before: LinkCounters | null): Link {
  const loss = before ? Math.max(lossUp(now, before), lossDown(now, before)) : 0;
  const worse = (limit: typeof POOR) => loss > limit.loss || (now.roundTrip ?? 0) > limit.roundTrip;
  return {
    quality: worse(POOR) ? "poor" : worse(FAIR) || now.limited ? "fair" : "good",
    roundTrip: now.roundTrip === null ? null : Math.round(now.roundTrip * 1000),
    loss,
  };
}

function share(lost: number, packets: number): number {
  return packets > 0 ? Math.min(1, Math.max(0, lost / packets)) : 0;
}

function lossUp(now: LinkCounters, before: LinkCounters): number {
  return share(now.sentLost - before.sentLost, now.sent - before.sent);
}

/** Only what is missing from everybody is missing because of us; of one sender alone nothing can be said. */
function lossDown(now: LinkCounters, before: LinkCounters): number {
  const shares = [...now.received].flatMap(([participant, { packets, lost }]) => {
    const earlier = before.received.get(participant);
    if (!earlier) return [];
    const missing = lost - earlier.lost;
    return [share(missing, packets - earlier.packets + missing)];
  });
  return shares.length > 1 ? Math.min(...shares) : 0;
}

const SLOW_AFTER = 3;

/** Says "slow" when the line has been bad for a while, and takes it back when it has been good for as long. */
export class SlowWatch {
  private slow = false;
  private other = 0;

  note(quality: LinkQuality): boolean {
    if ((quality !== "good") === this.slow) this.other = 0;
    else if (++this.other >= SLOW_AFTER) {
      this.slow = !this.slow;
      this.other = 0;
    }
    return this.slow;
  }
}
