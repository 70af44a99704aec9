/** When this device has come to another network, as far as its browser tells. */

/** `kind`: wifi, cellular, and so on; undefined where the browser keeps it to itself, as most do on computers. */
export interface Network {
  online: boolean;
  kind?: string;
}

/** One change is told by several events, within so many milliseconds. */
const TOGETHER = 500;

export class Moves {
  private away = false;
  private at = -Infinity;

  constructor(private kind?: string) {}

  /** To be told of every event: browsers also tell of what is no move, as a line that seems faster. `now` in ms. */
  note({ online, kind }: Network, now: number): boolean {
    if (!online || kind === "none") {
      this.away = true;
      return false;
    }
    const moved = this.away || (kind !== undefined && this.kind !== undefined && kind !== this.kind);
    this.away = false;
    this.kind = kind ?? this.kind;
    if (!moved || now - this.at < TOGETHER) return false;
    this.at = now;
    return true;
  }
}

type Connection = EventTarget & { type?: string };

/** Calls `moved` whenever the browser's network has become another one. */
export function watchMoves(moved: () => void): void {
  const connection = (navigator as Navigator & { connection?: Connection }).connection;
  const moves = new Moves(connection?.type);
  const look = () => {
    if (moves.note({ online: navigator.onLine, kind: connection?.type }, performance.now())) moved();
  };
  const gone = () => moves.note({ online: false }, performance.now());
  window.addEventListener("offline", gone);
  window.addEventListener("online", look);
  connection?.addEventListener("change", look);
}
