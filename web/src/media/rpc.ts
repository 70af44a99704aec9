/** JSON-RPC 2.0 over one WebSocket. A call ends with its answer, a coded error, or `connection_lost`. */

export class RpcError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly data: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = "RpcError";
  }
}

export const CONNECTION_LOST = "connection_lost";

/** A refusal for a moment: the media worker is being started, and everything is made anew with it. */
export function isPassing(error: unknown): boolean {
  return error instanceof RpcError && error.code === "media_unavailable";
}

const OPEN = 1;
export const TIMED_OUT = "timed_out";

export type Params = Record<string, unknown>;
export type Caller = <Result>(method: string, params?: Params) => Promise<Result>;

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: RpcError) => void;
  timer: ReturnType<typeof setTimeout>;
}

interface Incoming {
  id?: number;
  method?: string;
  params?: Params;
  result?: unknown;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

export interface RpcEvents {
  notification: (method: string, params: Params) => void;
  closed: (code: number) => void;
  /** Anything has come. */
  heard?: () => void;
}

/** A UUID (version 4), also where the page is not a secure context. */
export function uuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export class Rpc {
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  private over = false;

  /** `limit`: milliseconds that a call may take. */
  constructor(
    private readonly socket: WebSocket,
    private readonly events: RpcEvents,
    private readonly limit = 10_000,
  ) {
    socket.addEventListener("message", (event) => {
      events.heard?.();
      this.receive(event.data);
    });
    socket.addEventListener("close", (event) => this.finish(event.code));
  }

  call<Result>(method: string, params: Params = {}): Promise<Result> {
    if (this.over || this.socket.readyState !== OPEN) {
      return Promise.reject(new RpcError(CONNECTION_LOST, "The connection is not open"));
    }
    const id = ++this.lastId;
    return new Promise<Result>((resolve, reject) => {
      const timer = setTimeout(() => this.timeOut(id), this.limit);
      this.pending.set(id, { resolve: resolve as (result: unknown) => void, reject, timer });
      this.socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  close(): void {
    this.finish(1000);
    this.socket.close(1000);
  }

  private receive(text: unknown): void {
    const message = parse(text);
    if (!message) return;
    if (message.method !== undefined) {
      this.events.notification(message.method, message.params ?? {});
    } else if (typeof message.id === "number") {
      this.answer(message.id, message);
    }
  }

  private answer(id: number, message: Incoming): void {
    const waiting = this.take(id);
    if (!waiting) return;
    if (message.error) {
      const { code, message: text, data } = message.error;
      waiting.reject(new RpcError(String(data?.code ?? code), text, data));
    } else {
      waiting.resolve(message.result);
    }
  }

  private timeOut(id: number): void {
    this.take(id)?.reject(new RpcError(TIMED_OUT, "No answer in time"));
  }

  private take(id: number): Pending | undefined {
    const waiting = this.pending.get(id);
    if (waiting) clearTimeout(waiting.timer);
    this.pending.delete(id);
    return waiting;
  }

  private finish(code: number): void {
    if (this.over) return;
    this.over = true;
    for (const id of [...this.pending.keys()]) {
      this.take(id)?.reject(new RpcError(CONNECTION_LOST, "The connection closed"));
    }
    this.events.closed(code);
  }
}

function parse(text: unknown): Incoming | null {
  if (typeof text !== "string") return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Incoming) : null;
  } catch {
    return null;
  }
}
