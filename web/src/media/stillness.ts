/** Notices a path on which nothing comes any more, seconds before the browser says so. Pure; times are milliseconds. */

/** So long nothing new is played before what has come over the path is looked at, and so long that stands still then. */
const UNPLAYED = 900;
const STANDS = 400;
/** Everybody may have fallen silent: it is told no more often than that, and while nothing comes each time twice as late. */
const APART = 15_000;
const FARTHEST = 240_000;

export class Stillness {
  private played: number | null = null;
  private playedAt = 0;
  private came: number | null = null;
  private cameAt = 0;
  private told = -Infinity;
  private inVain = 0;

  /** `played`: when the newest of what is played came, by any clock; null while there is nothing to play. */
  suspects(played: number | null, now: number): boolean {
    if (played === null || this.played === null || played > this.played) {
      this.played = played;
      this.playedAt = now;
      this.came = null;
      this.inVain = 0;
    }
    const apart = Math.min(FARTHEST, APART * 2 ** Math.max(0, this.inVain - 1));
    return this.played !== null && now - this.playedAt >= UNPLAYED && now - this.told >= apart;
  }

  /** To be asked while it is suspected; `came`: how much has come over the path so far. */
  stands(came: number, now: number): boolean {
    if (this.came !== came) {
      this.came = came;
      this.cameAt = now;
      return false;
    }
    if (now - this.cameAt < STANDS) return false;
    this.told = now;
    this.came = null;
    this.inVain += 1;
    return true;
  }
}
