/** A microphone that gives nothing at all, which is not the same as somebody who is quiet. */

/** Below this there is no room behind the microphone, only zeros (root mean square, 0 to 1). */
export const FLAT = 0.0002;
/** Long enough to draw a breath (ms). */
export const PATIENCE = 5_000;

export class SilenceWatch {
  private since: number | null = null;

  /** Has the microphone been flat for so long that its owner should be told? `level` is null where nothing is measured. */
  flat(level: number | null, now: number): boolean {
    if (level === null || level > FLAT) {
      this.since = null;
      return false;
    }
    this.since ??= now;
    return now - this.since >= PATIENCE;
  }

  reset(): void {
    this.since = null;
  }
}
