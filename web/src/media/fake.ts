const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** A WebSocket that tests speak through: what was sent, and what the server says. */
export class FakeSocket extends EventTarget {
  static made: FakeSocket[] = [];
  readyState: number = CONNECTING;
  readonly sent: Sent[] = [];

  constructor(readonly url: string) {
    super();
    FakeSocket.made.push(this);
  }

  open(): void {
    this.readyState = OPEN;
    this.dispatchEvent(new Event("open"));
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Sent);
  }

  say(message: Record<string, unknown> | string): void {
    const data = typeof message === "string" ? message : JSON.stringify({ jsonrpc: "2.0", ...message });
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  answer(call: Sent, result: unknown): void {
    this.say({ id: call.id, result });
  }

  refuse(call: Sent, code: string, more: Record<string, unknown> = {}): void {
    this.say({ id: call.id, error: { code: -32000, message: code, data: { code, ...more } } });
  }

  /** The network takes it away. */
  drop(code = 1006): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }

  close(): void {
    this.drop(1000);
  }

  get last(): Sent {
    return this.sent[this.sent.length - 1];
  }
}

export interface Sent {
  jsonrpc: string;
  id: number;
  method: string;
  params: Record<string, unknown>;
}

/** Lets promises that are ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
