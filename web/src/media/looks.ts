/** How large every picture is shown on this page just now. */

export interface Look {
  /** Of the place it has, in the screen's own points; 0 where nobody can see it. */
  width: number;
  /** Signs, which must be read. */
  first: boolean;
}

const NOWHERE: Look = { width: 0, first: false };
/** More points than this are not seen apart. */
const DENSEST = 2;

export class Looks {
  private readonly shown = new Map<MediaStreamTrack, Map<object, Look>>();
  private readonly watchers = new Set<() => void>();

  /** `place` shows the track so large; pictures are 16:9 and fill their place. */
  see(track: MediaStreamTrack, place: object, size: { width: number; height: number }, first = false): void {
    const width = Math.max(size.width, (size.height * 16) / 9) * Math.min(DENSEST, globalThis.devicePixelRatio || 1);
    const places = this.shown.get(track) ?? new Map<object, Look>();
    places.set(place, { width, first });
    this.shown.set(track, places);
    this.tell();
  }

  leave(track: MediaStreamTrack, place: object): void {
    const places = this.shown.get(track);
    if (!places?.delete(place)) return;
    if (!places.size) this.shown.delete(track);
    this.tell();
  }

  /** The largest place of the track. */
  of(track: MediaStreamTrack): Look {
    const places = [...(this.shown.get(track)?.values() ?? [])];
    return places.reduce(
      (sum, one) => ({ width: Math.max(sum.width, one.width), first: sum.first || (one.first && one.width > 0) }),
      NOWHERE,
    );
  }

  watch(changed: () => void): void {
    this.watchers.add(changed);
  }

  private tell(): void {
    for (const changed of this.watchers) changed();
  }
}

export const looks = new Looks();
