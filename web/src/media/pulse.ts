/** Notices a line on which nothing comes any more, although nobody has closed it. */

export interface PulseEvents {
  /** Ask for a sign of life. */
  ask: () => void;
  quiet: (quiet: boolean) => void;
  dead: () => void;
}

const EVERY = 1_000;
const ASK = 2;
const QUIET = 4;
const DEAD = 8;

/** Counts turns of its timer rather than time: a browser may let the timers of a page rest, and sleeps itself. */
export class Pulse {
  private timer: ReturnType<typeof setInterval> | null = null;
  private turns = 0;
  private quiet = false;

  constructor(private readonly events: PulseEvents) {}

  start(): void {
    this.stop();
    this.timer = setInterval(() => this.turn(), EVERY);
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.heard();
  }

  /** Anything has come. */
  heard(): void {
    this.turns = 0;
    this.become(false);
  }

  private turn(): void {
    this.turns += 1;
    if (this.turns === ASK) this.events.ask();
    else if (this.turns === QUIET) this.become(true);
    else if (this.turns === DEAD) this.events.dead();
  }

  private become(quiet: boolean): void {
    if (this.quiet === quiet) return;
    this.quiet = quiet;
    this.events.quiet(quiet);
  }
}
