/** A document that is shown: one page of it on a board, the pointer on top, and the board as a video track. */
import { BOARD, type Point, placement, type Size, type View, WHOLE, within } from "./board";
import type { OpenedDocument } from "./document";

const PER_SECOND = 5;
const PAPER = "#eceeed";
const POINTER = { colour: "#a3242b", radius: 16 };

export class DocumentShow {
  readonly canvas = board();
  readonly track: MediaStreamTrack;
  private readonly page = board();
  private readonly timer: ReturnType<typeof setInterval>;
  private pointer: Point | null = null;
  private wanted = 0;

  constructor(readonly document: OpenedDocument) {
    this.draw();
    this.track = this.canvas.captureStream(PER_SECOND).getVideoTracks()[0];
    // Drawn again and again although nothing moves: somebody who comes later needs a picture too.
    this.timer = setInterval(() => this.draw(), 1000 / PER_SECOND);
  }

  /** Paints a page; the answer is the view that it could be given, and null if something else was asked for meanwhile. */
  async look(page: number, view: View = WHOLE): Promise<{ size: Size; view: View } | null> {
    const turn = ++this.wanted;
    const size = await this.document.size(page);
    const kept = within(view, size);
    const fresh = board();
    const paint = fresh.getContext("2d")!;
    paint.fillStyle = PAPER;
    paint.fillRect(0, 0, BOARD.width, BOARD.height);
    if (turn !== this.wanted) return null;
    try {
      await this.document.paint(paint, page, placement(kept, size));
    } catch (error) {
      if (turn !== this.wanted) return null;
      throw error;
    }
    if (turn !== this.wanted) return null;
    this.page.getContext("2d")!.drawImage(fresh, 0, 0);
    this.draw();
    return { size, view: kept };
  }

  /** In shares of the board's width and height; null takes the pointer away. */
  point(at: Point | null): void {
    this.pointer = at;
    this.draw();
  }

  close(): void {
    clearInterval(this.timer);
    this.wanted += 1;
    this.track.stop();
    this.document.close();
  }

  private draw(): void {
    const paint = this.canvas.getContext("2d")!;
    paint.drawImage(this.page, 0, 0);
    if (!this.pointer) return;
    paint.beginPath();
    paint.arc(this.pointer.x * BOARD.width, this.pointer.y * BOARD.height, POINTER.radius, 0, Math.PI * 2);
    paint.fillStyle = `${POINTER.colour}59`;
    paint.fill();
    paint.lineWidth = 4;
    paint.strokeStyle = POINTER.colour;
    paint.stroke();
  }
}

function board(): HTMLCanvasElement {
  const made = document.createElement("canvas");
  made.width = BOARD.width;
  made.height = BOARD.height;
  const paint = made.getContext("2d")!;
  paint.fillStyle = PAPER;
  paint.fillRect(0, 0, BOARD.width, BOARD.height);
  return made;
}
