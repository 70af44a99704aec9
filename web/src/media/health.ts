/**
 * Connected, and yet silent or black: judged from counters, one track at a time. Pure; times are milliseconds.
 *
 * What others send is judged at the listener (`Hearing`), what this device sends at the device itself (`Sending`).
 */

/** `missing`: it is sent and does not come; `black`, `silent`: it comes, and nothing is seen or heard of it. */
export type Ailment = "missing" | "black" | "silent";

/** What the service says of one source, and when it said so: it looks back over `TOLD_OVER`. */
export interface Told {
  at: number;
  comes: boolean;
}

export interface Heard {
  at: number;
  packets: number;
  /** Pictures that were decoded; undefined for sound. */
  frames?: number;
  /** Sound that was played, made up or not; undefined for pictures. */
  samples?: number;
  /** Loudness of the last while where it is mixed; undefined while nothing is mixed (the browser holds the sound back). */
  level?: number;
  /** Loudness that the service measures at the source, 0 to 1. */
  spoken?: number;
}

/** Longer than the service's intervals, so that a telling is wholly of the time after the last packet. */
const TOLD_OVER = 5_500;
const WINDOW = 3_000;
/** The service reports every second or two. */
const ANSWER = 8_000;
/** A picture that stands still is sent in few packets. */
const FEW = { video: 10, audio: 50 };
const LOUD = 0.3;
const NOTHING = 1e-4;
/** So many looks in a row, at each of which somebody speaks and nothing is mixed of it. */
const DUMB = 4;

export class Hearing {
  private readonly seen: Heard[] = [];
  private lastPackets = -1;
  private lastCame = 0;
  private dumb = 0;

  constructor(private readonly kind: "audio" | "video") {}

  note(now: Heard, told: Told | null): Ailment | null {
    if (now.packets !== this.lastPackets) {
      this.lastPackets = now.packets;
      this.lastCame = now.at;
    }
    this.seen.push(now);
    this.listen(now);
    while (this.seen.length > 2 && now.at - this.seen[1]!.at >= WINDOW) this.seen.shift();
    const before = this.seen[0]!;
    if (told?.comes && told.at - this.lastCame >= TOLD_OVER) return "missing";
    if (now.at - before.at < WINDOW || now.packets - before.packets < FEW[this.kind]) return null;
    if (this.kind === "video") return now.frames === before.frames ? "black" : null;
    return now.samples === before.samples || this.dumb >= DUMB ? "silent" : null;
  }

  private listen({ spoken = 0, level }: Heard): void {
    if (level === undefined || level >= NOTHING) this.dumb = 0;
    else if (spoken >= LOUD) this.dumb += 1;
  }
}

export interface Sent {
  at: number;
  packets: number;
  /** When the service's last report of it came, by whatever clock; undefined before the first. */
  answered?: number;
}

/**
 * Why nobody gets what is sent: it does not leave the device, or does not reach the service; or what the service says
 * (that it needs a whole picture, say) does not come back.
 */
export type SendingAilment = "unsent" | "lost" | "unanswered";

export class Sending {
  private lastPackets = -1;
  private lastLeft = 0;
  private answered: number | undefined;
  private answeredAt = 0;
  private since: number | null = null;

  /** For as long as the source is to be sent. */
  note(now: Sent, told: Told | null): SendingAilment | null {
    this.since ??= now.at;
    if (now.packets !== this.lastPackets) {
      this.lastPackets = now.packets;
      this.lastLeft = now.at;
    }
    if (now.answered !== this.answered) {
      this.answered = now.answered;
      this.answeredAt = now.at;
    }
    if (now.at - this.lastLeft >= WINDOW) return "unsent";
    if (now.answered !== undefined && now.at - this.answeredAt >= ANSWER) return "unanswered";
    return told && !told.comes && told.at - this.since >= TOLD_OVER && now.at - this.since >= 2 * TOLD_OVER ? "lost" : null;
  }
}

/** One step after the other, each with time to work; begun anew when all has been well for a while. */
export class Ladder<Step> {
  private next = 0;
  private tried = -Infinity;
  private wellSince: number | null = null;

  constructor(
    private readonly steps: readonly Step[],
    private readonly patience = 4_000,
    private readonly rest = 30_000,
  ) {}

  /** The step to take now, if any; one that may not be taken yet waits for its time. */
  note(ails: boolean, now: number, may: (step: Step) => boolean = () => true): Step | null {
    if (!ails) {
      this.wellSince ??= now;
      if (now - this.wellSince >= this.rest) this.next = 0;
      return null;
    }
    this.wellSince = null;
    const over = this.next === this.steps.length;
    if (now - this.tried < (over ? this.rest : this.patience)) return null;
    if (over) this.next = 0;
    if (!may(this.steps[this.next]!)) return null;
    this.tried = now;
    return this.steps[this.next++]!;
  }
}
