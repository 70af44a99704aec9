/** Tells the server which layer of each picture this page has use for, and which pictures nobody sees. */
import type { Look } from "./looks";
import { type Caller, CONNECTION_LOST, RpcError } from "./rpc";

/** The widest place, in points, that a picture of 320 and of 640 fills well enough. */
const WIDEST = [400, 800];
/** Sizes that change many times are told once (ms). */
const SETTLING = 200;
/** How long a picture may be out of sight before it is no longer sent (ms). */
const UNSEEN = 2_000;

interface Picture {
  track: MediaStreamTrack;
  playing: boolean;
  layer: number | null;
  first: boolean;
  seenAt: number;
}

export function layerFor(width: number): number {
  const fitting = WIDEST.findIndex((widest) => width <= widest);
  return fitting < 0 ? WIDEST.length : fitting;
}

export class Attention {
  private readonly pictures = new Map<string, Picture>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly call: Caller,
    private readonly look: (track: MediaStreamTrack) => Look,
    private readonly visible = () => document.visibilityState !== "hidden",
  ) {}

  /** The consumer plays from now on, as far as the server knows. */
  begun(id: string, track: MediaStreamTrack): void {
    this.pictures.set(id, { track, playing: true, layer: null, first: false, seenAt: performance.now() });
    this.soon();
  }

  /** Whether it is sent: somebody may see it. */
  plays(id: string): boolean {
    return this.pictures.get(id)?.playing !== false;
  }

  ended(id: string): void {
    this.pictures.delete(id);
  }

  close(): void {
    this.pictures.clear();
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  /** Something has another size, or is seen or not seen now. */
  soon(delay = SETTLING): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.tell();
    }, delay);
  }

  private tell(): void {
    const now = performance.now();
    for (const [id, picture] of this.pictures) {
      const { width, first } = this.visible() ? this.look(picture.track) : { width: 0, first: false };
      if (width > 0) {
        picture.seenAt = now;
        this.show(id, picture, layerFor(width), first);
      } else if (picture.playing) {
        const left = picture.seenAt + UNSEEN - now;
        if (left > 0) this.soon(left);
        else this.hide(id, picture);
      }
    }
  }

  private show(id: string, picture: Picture, layer: number, first: boolean): void {
    if (picture.layer !== layer || picture.first !== first) {
      picture.layer = layer;
      picture.first = first;
      this.say("media.setPreferredLayers", { id, spatial: layer, first });
    }
    if (picture.playing) return;
    picture.playing = true;
    this.say("media.resumeConsumer", { id });
  }

  private hide(id: string, picture: Picture): void {
    picture.playing = false;
    this.say("media.pauseConsumer", { id });
  }

  /** A consumer can end meanwhile, and after a lost connection everything is told anew. */
  private say(method: string, params: Record<string, unknown>): void {
    this.call(method, params).catch((error: unknown) => {
      const over = error instanceof RpcError && ["unknown_consumer", CONNECTION_LOST].includes(error.code);
      if (!over) console.warn("Media:", error instanceof Error ? error.message : error);
    });
  }
}
