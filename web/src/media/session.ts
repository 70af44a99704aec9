/** One participant's session: join, resume with the secret, come back by itself after a lost connection. */
import type { Joined, MeetingEvent, SessionClosed } from "../wire";
import { Pulse } from "./pulse";
import { CONNECTION_LOST, type Params, Rpc, RpcError, TIMED_OUT, uuid } from "./rpc";

/** `over` is final: why is in `Ending`. */
export type SessionState = "idle" | "joining" | "joined" | "lost" | "over";

export interface SessionEvents {
  state: (state: SessionState) => void;
  /** `resumed`: the same session came back, the media may still be flowing. */
  joined: (answer: Joined, resumed: boolean) => void;
  event: (event: MeetingEvent) => void;
  notification: (method: string, params: Params) => void;
  over: (code: string) => void;
  /** Nothing comes any more, although the connection is open; or something comes again. */
  quiet: (quiet: boolean) => void;
}

/** With this the same device comes back. */
export interface Standing {
  session: string;
  secret: string;
  lastEvent: number;
}

export interface SessionOptions {
  url: string;
  /** Exchanges the link (or its cookie) for a fresh access token. */
  token: () => Promise<string>;
  /** What else is said when the session begins, as far as it is known by then. */
  along?: () => Params;
  /** The session of this tab from before it was loaded anew. */
  standing?: Standing | null;
  /** The secret has changed. */
  keep?: (standing: Standing) => void;
  connect?: (url: string) => WebSocket;
  random?: () => number;
  wait?: (milliseconds: number) => Promise<void>;
}

/** Codes after which coming back is pointless or would disturb another device. */
const FINAL = new Set([
  "replaced",
  "session_replaced",
  "removed",
  "revoked",
  "grant_revoked",
  "meeting_ended",
  "meeting_erased",
  "invitation_unknown",
  "invitation_used",
  "invitation_expired",
  "invitation_revoked",
]);

/** Refusals that say nothing about the session: it can be resumed a little later. */
const PASSING = new Set(["moving", "elsewhere", "node_unavailable", "shutting_down", "store_unavailable"]);

/** How often a client goes on to the node that it was told of, before it waits. */
const NODES_TRIED = 3;

/** Milliseconds. The bound grows slowly: a service that is started again is back within seconds. */
const FIRST_DELAY = 500;
const GROWTH = 1.2;
const LONGEST_DELAY = 15_000;
/**
 * For so many turns one keeps to the time that the service asks for (a node is replaced within it), and to so much of it at
 * least: then as many come at any time.
 */
const STEADY = 12;
const EVEN = 0.9;
/** How long it may take to answer after the network has changed. */
const PROOF = 2_500;
/** How long a connection may take to open: the browser itself waits for minutes where nobody answers. */
const OPEN_LIMIT = 8_000;

/** Full jitter: anything between nothing and the exponential bound, in milliseconds. */
export function backoff(attempt: number, random: () => number): number {
  return Math.round(random() * Math.min(LONGEST_DELAY, FIRST_DELAY * GROWTH ** attempt));
}

/**
 * For one of many who wait for the same, where the service says how many seconds they should take together: at first
 * anything within that, then nearly all of it each time. In milliseconds.
 */
export function evenly(spread: number, turn: number, random: () => number): number {
  const bound = Math.min(LONGEST_DELAY, 1000 * spread * GROWTH ** Math.max(0, turn - STEADY));
  const least = turn > 0 ? EVEN * bound : 0;
  return Math.round(least + random() * (bound - least));
}

export class Session {
  state: SessionState = "idle";
  private rpc: Rpc | null = null;
  private session = "";
  private secret = "";
  private lastEvent = 0;
  /** The node that has the meeting; none: whichever answers. */
  private node = "";
  /** Seconds over which the service wants all back who wait for the same as we; 0 when it has not said. */
  private spread = 0;
  private wake: (() => void) | null = null;
  private readonly waiting = new Set<() => void>();
  private readonly pulse = new Pulse({
    ask: () => void this.call("session.ping").catch(() => undefined),
    quiet: (quiet) => this.events.quiet(quiet),
    dead: () => this.suspect(),
  });

  constructor(
    private readonly options: SessionOptions,
    private readonly events: SessionEvents,
  ) {
    const { standing } = options;
    if (standing) ({ session: this.session, secret: this.secret, lastEvent: this.lastEvent } = standing);
  }

  /** Joins once; throws the coded error when the first attempt is refused. */
  async join(): Promise<void> {
    this.become("joining");
    try {
      await this.enter();
    } catch (error) {
      this.become("idle");
      throw error;
    }
  }

  /** A call that changes nothing on the server, or one that media makes. */
  call<Result>(method: string, params: Params = {}): Promise<Result> {
    if (!this.rpc) return Promise.reject(new RpcError(CONNECTION_LOST, "Not connected"));
    return this.rpc.call<Result>(method, params);
  }

  /** A change. Repeated with the same request id when the connection is lost under it. */
  async act<Result>(method: string, params: Params = {}): Promise<Result> {
    const request = uuid();
    for (;;) {
      try {
        return await this.call<Result>(method, { request, ...params });
      } catch (error) {
        if (!isTransient(error) || this.state === "over" || this.state === "idle") throw error;
        this.suspect();
        await this.back();
      }
    }
  }

  /** The network is known to have changed: try again now instead of after the delay, or see whether this still holds. */
  hurry(): void {
    this.wake?.();
    if (this.state === "joined" && this.rpc) void this.prove(this.rpc);
  }

  private async prove(rpc: Rpc): Promise<void> {
    const answered = rpc.call("session.ping").then(() => true, (error) => !isTransient(error));
    const lives = await Promise.race([answered, this.wait(PROOF).then(() => false)]);
    if (!lives && rpc === this.rpc) this.suspect();
  }

  /** The connection answers nothing any more: give it up and come back by a new one. */
  suspect(): void {
    if (this.state === "joined") this.rpc?.close();
  }

  /** Says goodbye, so that nobody waits for this device to come back. */
  async goOut(): Promise<void> {
    const told = this.state === "joined" ? this.call("session.leave") : Promise.resolve();
    this.become("over");
    await told.catch(() => undefined);
    this.rpc?.close();
  }

  leave(): void {
    this.become("over");
    this.rpc?.close();
  }

  private back(): Promise<void> {
    if (this.state === "joined") return Promise.resolve();
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  private become(state: SessionState): void {
    if (this.state === state || this.state === "over") return;
    this.state = state;
    if (state === "joined") this.pulse.start();
    else this.pulse.stop();
    if (state === "joined" || state === "over") {
      for (const resume of this.waiting) resume();
      this.waiting.clear();
    }
    this.events.state(state);
  }

  private async enter(): Promise<void> {
    if (this.secret && (await this.resume())) return;
    const along = this.session ? undefined : this.options.along;
    const token = this.options.token().then((token) => ({ token, ...along?.() }));
    this.accept(await this.first("session.join", token), false);
  }

  private async resume(): Promise<boolean> {
    try {
      const { session, secret, lastEvent } = this;
      const params = Promise.resolve({ session, secret, last_event: lastEvent });
      this.accept(await this.first("session.resume", params), true);
      return true;
    } catch (error) {
      if (isTransient(error) || isFinal(error) || isPassing(error)) throw error;
      this.secret = "";
      this.drop();
      return false;
    }
  }

  /** The first call of a connection, at the node that has the meeting. The connection opens while `asked` comes. */
  private async first(method: string, asked: Promise<Params>): Promise<Joined> {
    for (let tried = 1; ; tried += 1) {
      const opening = this.open();
      opening.catch(() => undefined); // it may fail while the other is waited for
      const params = await asked.catch((error: unknown) => {
        opening.then((rpc) => rpc.close(), () => undefined);
        throw error;
      });
      const rpc = await opening;
      try {
        return await rpc.call<Joined>(method, params);
      } catch (error) {
        const { node, spread } = error instanceof RpcError ? error.data : {};
        if (typeof spread === "number") this.spread = spread;
        if (typeof node !== "string" || tried === NODES_TRIED) throw error;
        this.node = node;
      }
    }
  }

  private get address(): string {
    const { url } = this.options;
    return this.node ? url.replace("/api/", `/n/${encodeURIComponent(this.node)}/api/`) : url;
  }

  private accept(answer: Joined, resumed: boolean): void {
    this.session = answer.session;
    this.secret = answer.secret;
    this.lastEvent = answer.last_event;
    this.options.keep?.({ session: this.session, secret: this.secret, lastEvent: this.lastEvent });
    this.become("joined");
    this.events.joined(answer, resumed);
  }

  private open(): Promise<Rpc> {
    this.drop();
    const socket = this.options.connect?.(this.address) ?? new WebSocket(this.address);
    return new Promise((resolve, reject) => {
      const rpc: Rpc = new Rpc(socket, {
        notification: (method, params) => this.notified(rpc, method, params),
        heard: () => this.pulse.heard(),
        closed: () => {
          clearTimeout(limit);
          reject(new RpcError(CONNECTION_LOST, "The connection could not be opened"));
          this.lost(rpc);
        },
      });
      const limit = setTimeout(() => rpc.close(), OPEN_LIMIT);
      socket.addEventListener("open", () => {
        clearTimeout(limit);
        this.rpc = rpc;
        resolve(rpc);
      });
    });
  }

  private drop(): void {
    const rpc = this.rpc;
    this.rpc = null;
    rpc?.close();
  }

  private notified(rpc: Rpc, method: string, params: Params): void {
    if (rpc !== this.rpc || this.state === "over") return;
    if (method === "session.closed") {
      this.closed(params as unknown as SessionClosed);
    } else if (method === "meeting.event") {
      const event = params as unknown as MeetingEvent;
      this.lastEvent = event.number;
      this.events.event(event);
    } else {
      this.events.notification(method, params);
    }
  }

  private closed({ code }: SessionClosed): void {
    if (FINAL.has(code)) this.end(code);
    else this.rpc?.close();
  }

  private end(code: string): void {
    if (this.state === "over") return;
    this.become("over");
    this.drop();
    this.events.over(code.replace(/^session_/, ""));
  }

  private lost(rpc: Rpc): void {
    if (rpc !== this.rpc) return;
    this.rpc = null;
    if (this.state !== "joined") return;
    this.become("lost");
    void this.comeBack();
  }

  private async comeBack(): Promise<void> {
    const random = this.options.random ?? Math.random;
    for (let attempt = 0, turn = 0; this.state === "lost"; attempt += 1) {
      await this.pause(this.spread ? evenly(this.spread, turn++, random) : backoff(attempt, random));
      if (this.state !== "lost") return;
      this.spread = 0;
      try {
        await this.enter();
      } catch (error) {
        this.node = "";
        if (isFinal(error)) this.end(error.code);
      }
    }
  }

  private wait(milliseconds: number): Promise<void> {
    return this.options.wait?.(milliseconds) ?? new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  private async pause(milliseconds: number): Promise<void> {
    await Promise.race([this.wait(milliseconds), new Promise<void>((resolve) => (this.wake = resolve))]);
    this.wake = null;
  }
}

interface Coded extends Error {
  code: string;
}

/** Refusals of the socket and of the token call alike. */
function isFinal(error: unknown): error is Coded {
  return error instanceof Error && "code" in error && FINAL.has(String(error.code));
}

function isPassing(error: unknown): boolean {
  return error instanceof RpcError && PASSING.has(error.code);
}

function isTransient(error: unknown): boolean {
  return error instanceof RpcError && (error.code === CONNECTION_LOST || error.code === TIMED_OUT);
}
