/** One writer's line on its way to the service: soon, seldom, and whole again when something was lost. */
import { edit } from "./line";
import { RpcError, TIMED_OUT } from "./rpc";

export interface TypistEvents {
  call: (method: string, params: Record<string, unknown>) => Promise<unknown>;
  /** A call that is repeated until it is answered. */
  act: (method: string, params: Record<string, unknown>) => Promise<unknown>;
  /** The line cannot go on: another station, a pause, a question. */
  gone: () => void;
}

/** Milliseconds between two edits: fast enough to read along, seldom enough for a slow line. */
export const BETWEEN = 100;

const code = (error: unknown) => (error instanceof RpcError ? error.code : "");

export class Typist {
  private line = "";
  private corrects: string | null = null;
  private revision = 0;
  private sent = "";
  private text = "";
  private whole = false;
  /** The service has the line. */
  private known = false;
  private finishing = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

  /** `language`: of what is written now. */
  constructor(
    private readonly events: TypistEvents,
    private readonly language: () => string,
  ) {}

  get writes(): string {
    return this.line;
  }

  /** The field holds this now. `corrects`: the finished line that it is to stand in for. */
  write(text: string, corrects: string | null = null): void {
    this.text = text;
    if (!this.line) this.corrects = corrects;
    if (!this.line && !text) return;
    if (!this.timer) this.flush();
  }

  /** The line is done. False: it could not be kept. */
  async finish(): Promise<boolean> {
    const text = this.text.trim();
    if (!text || this.finishing) return false;
    this.flush();
    const { line } = this;
    this.finishing = true;
    this.text = "";
    try {
      await this.events.act("text.finish", { line, text });
      return true;
    } catch {
      return false;
    } finally {
      this.finishing = false;
      const next = this.text;
      this.begin();
      if (next) this.write(next);
    }
  }

  /** The service says that a line is gone. */
  lost(line: string): void {
    if (line === this.line) this.drop();
  }

  /** Nothing of it goes on. */
  drop(): void {
    const had = this.line !== "" || this.text !== "";
    this.begin();
    if (had) this.events.gone();
  }

  /** The connection is new: what the service has of the line is not known. */
  again(): void {
    if (!this.line || this.finishing) return;
    if (this.known) this.whole = true;
    else this.fresh();
    this.flush();
  }

  /** A line of this device's that stood from before the page was loaded. */
  takeUp(line: string, revision: number, text: string): boolean {
    if (this.line || this.text) return false;
    Object.assign(this, { line, revision, sent: text, text, known: true, whole: false });
    return true;
  }

  private begin(): void {
    if (this.timer) clearTimeout(this.timer);
    Object.assign(this, { line: "", corrects: null, revision: 0, sent: "", text: "", whole: false, known: false, timer: null });
  }

  private fresh(): void {
    Object.assign(this, { line: newLine(), revision: 0, sent: "", whole: true });
  }

  private flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.finishing || (this.text === this.sent && !this.whole)) return;
    if (!this.line) this.fresh();
    const change = this.whole ? { keep: 0, add: this.text } : edit(this.sent, this.text);
    const { line, corrects } = this;
    this.revision += 1;
    this.sent = this.text;
    this.whole = false;
    this.timer = setTimeout(() => this.flush(), BETWEEN);
    const told = { line, revision: this.revision, ...change, language: this.language(), corrects };
    this.events.call("text.type", told).then(
      () => (this.known = this.known || line === this.line),
      (error) => this.refused(line, error),
    );
  }

  private refused(line: string, error: unknown): void {
    if (line !== this.line) return;
    if (["text_out_of_step", TIMED_OUT].includes(code(error))) this.whole = true;
    else if (["text_gone", "not_allowed", "invalid"].includes(code(error))) this.drop();
    if (this.whole && !this.timer) this.timer = setTimeout(() => this.flush(), BETWEEN);
  }
}

function newLine(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
