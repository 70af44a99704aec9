import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Joined, MeetingEvent } from "../wire";
import { FakeSocket, settle } from "./fake";
import { CONNECTION_LOST, RpcError } from "./rpc";
import { backoff, evenly, Session, type SessionState } from "./session";

const JOINED = { participant: "p_1", session: "s_1", secret: "first", last_event: 4, snapshot: {} } as unknown as Joined;

class Stage {
  readonly states: SessionState[] = [];
  readonly joins: boolean[] = [];
  readonly events: MeetingEvent[] = [];
  readonly endings: string[] = [];
  readonly delays: number[] = [];
  readonly quiet: boolean[] = [];
  tokens = 0;
  refusal: Error | null = null;
  tokenComes: Promise<unknown> | null = null;
  private releases: (() => void)[] = [];

  readonly session = new Session(
    {
      url: "ws://test/api/v1/socket",
      token: async () => {
        this.tokens += 1;
        if (this.refusal) throw this.refusal;
        await this.tokenComes;
        return `token-${this.tokens}`;
      },
      connect: (url) => new FakeSocket(url) as unknown as WebSocket,
      random: () => 1,
      wait: (milliseconds) => {
        this.delays.push(milliseconds);
        return new Promise((resolve) => this.releases.push(resolve));
      },
    },
    {
      state: (state) => this.states.push(state),
      joined: (_, resumed) => this.joins.push(resumed),
      event: (event) => this.events.push(event),
      notification: () => undefined,
      over: (code) => this.endings.push(code),
      quiet: (quiet) => this.quiet.push(quiet),
    },
  );

  get socket(): FakeSocket {
    return FakeSocket.made[FakeSocket.made.length - 1];
  }

  async waited(): Promise<void> {
    this.releases.splice(0).forEach((release) => release());
    await settle();
  }

  async opened(): Promise<FakeSocket> {
    await settle();
    this.socket.open();
    await settle();
    return this.socket;
  }

  async joined(): Promise<FakeSocket> {
    const joining = this.session.join();
    const socket = await this.opened();
    socket.answer(socket.last, JOINED);
    await joining;
    return socket;
  }
}

let stage: Stage;
beforeEach(() => {
  FakeSocket.made = [];
  stage = new Stage();
});

describe("joining", () => {
  it("spends a token on session.join", async () => {
    const socket = await stage.joined();
    expect(socket.sent[0]).toMatchObject({ method: "session.join", params: { token: "token-1" } });
    expect(stage.states).toEqual(["joining", "joined"]);
    expect(stage.joins).toEqual([false]);
  });

  it("tells the code when the link is refused", async () => {
    stage.refusal = new RpcError("invitation_used", "used");
    await expect(stage.session.join()).rejects.toMatchObject({ code: "invitation_used" });
    expect(stage.states).toEqual(["joining", "idle"]);
  });

  it("opens its connection while the token comes, and closes it when none does", async () => {
    let refuse: (error: Error) => void = () => undefined;
    stage.tokenComes = new Promise((_, reject) => (refuse = reject));
    const joining = stage.session.join();
    joining.catch(() => undefined);
    const socket = await stage.opened();
    expect(socket.sent).toEqual([]);
    refuse(new RpcError("invitation_used", "Used"));
    await expect(joining).rejects.toMatchObject({ code: "invitation_used" });
    await settle();
    expect(socket.readyState).toBe(3);
    expect(stage.states).toEqual(["joining", "idle"]);
  });

  it("is told once the token has come, when there is none for it", async () => {
    let come: (value: unknown) => void = () => undefined;
    stage.tokenComes = new Promise((resolve) => (come = resolve));
    const joining = stage.session.join();
    await settle();
    stage.socket.drop();
    await new Promise((next) => setTimeout(next)); // an error that nobody waits for is told after a turn
    come(null);
    await expect(joining).rejects.toMatchObject({ code: CONNECTION_LOST });
  });
});

describe("a lost connection", () => {
  it("comes back by itself with the secret and the last event, and rotates the secret", async () => {
    const first = await stage.joined();
    first.say({ method: "meeting.event", params: { number: 9, type: "message_sent", changes: {} } });
    first.drop();
    expect(stage.session.state).toBe("lost");
    await stage.waited();
    const second = await stage.opened();
    expect(second.last).toMatchObject({ method: "session.resume", params: { session: "s_1", secret: "first", last_event: 9 } });
    second.answer(second.last, { ...JOINED, secret: "second" });
    await settle();
    expect(stage.joins).toEqual([false, true]);
    second.drop();
    await stage.waited();
    const third = await stage.opened();
    expect(third.last.params.secret).toBe("second");
    expect(stage.tokens).toBe(1);
  });

  it("waits longer each time it fails, and not at all once the network is known to be back", async () => {
    (await stage.joined()).drop();
    await stage.waited();
    stage.socket.drop();
    await settle();
    expect(stage.delays).toEqual([500, 600]);
    const before = FakeSocket.made.length;
    stage.session.hurry();
    await settle();
    expect(FakeSocket.made.length).toBe(before + 1);
  });

  it("joins anew with the link's cookie when the session is no longer known", async () => {
    (await stage.joined()).drop();
    await stage.waited();
    const second = await stage.opened();
    second.refuse(second.last, "session_unknown");
    const third = await stage.opened();
    expect(third.last).toMatchObject({ method: "session.join", params: { token: "token-2" } });
  });

  it("repeats a change under it with the same request id", async () => {
    const first = await stage.joined();
    const change = stage.session.act("meeting.pause");
    const request = first.last.params.request;
    first.drop();
    await stage.waited();
    const second = await stage.opened();
    second.answer(second.last, JOINED);
    await settle();
    expect(second.last).toMatchObject({ method: "meeting.pause", params: { request } });
    second.answer(second.last, {});
    expect(await change).toEqual({});
  });

  it("does not repeat a change that was refused", async () => {
    const socket = await stage.joined();
    const change = stage.session.act("meeting.start", { station: 2 });
    socket.refuse(socket.last, "not_allowed");
    await expect(change).rejects.toMatchObject({ code: "not_allowed" });
    expect(socket.sent).toHaveLength(2);
  });
});

describe("a line that has gone silent", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is asked for a sign of life, and nothing more when one comes", async () => {
    const socket = await stage.joined();
    for (let turn = 0; turn < 10; turn += 1) {
      await vi.advanceTimersByTimeAsync(2_000);
      expect(socket.last.method).toBe("session.ping");
      socket.answer(socket.last, {});
    }
    expect(stage.states).toEqual(["joining", "joined"]);
    expect(stage.quiet).toEqual([]);
  });

  it("is told to be so, and goes on when it answers in time", async () => {
    const socket = await stage.joined();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(stage.quiet).toEqual([true]);
    socket.say({ method: "media.speakers", params: { speakers: [] } });
    expect(stage.quiet).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(stage.session.state).toBe("joined");
    expect(FakeSocket.made).toHaveLength(1);
  });

  it("is given up when it does not, for a new one", async () => {
    await stage.joined();
    await vi.advanceTimersByTimeAsync(8_000);
    expect(stage.session.state).toBe("lost");
    expect(stage.quiet).toEqual([true, false]);
    await stage.waited();
    const second = await stage.opened();
    expect(second.last).toMatchObject({ method: "session.resume", params: { secret: "first" } });
  });

  it("is asked at once when the network has changed, and left when it does not answer soon", async () => {
    const socket = await stage.joined();
    stage.session.hurry();
    expect(socket.last.method).toBe("session.ping");
    socket.answer(socket.last, {});
    await settle();
    await stage.waited();
    expect(stage.session.state).toBe("joined");
    stage.session.hurry();
    await stage.waited();
    expect(stage.session.state).toBe("lost");
    await stage.waited();
    expect((await stage.opened()).last.method).toBe("session.resume");
  });

  it("is not waited for while it opens", async () => {
    (await stage.joined()).drop();
    await stage.waited();
    const stuck = stage.socket;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(stuck.readyState).toBe(3);
    await stage.waited();
    expect(stage.socket).not.toBe(stuck);
    const third = await stage.opened();
    expect(third.last.method).toBe("session.resume");
  });
});

describe("the end of a session", () => {
  it.each(["replaced", "removed", "meeting_ended"])("is final when the server says %s", async (code) => {
    const socket = await stage.joined();
    socket.say({ method: "session.closed", params: { code, reason: "" } });
    socket.drop(4000);
    await stage.waited();
    expect(stage.endings).toEqual([code]);
    expect(FakeSocket.made).toHaveLength(1);
  });

  it("does not take over again when it was replaced while it was away", async () => {
    (await stage.joined()).drop();
    await stage.waited();
    const second = await stage.opened();
    second.refuse(second.last, "session_replaced");
    await settle();
    expect(stage.endings).toEqual(["replaced"]);
    expect(stage.tokens).toBe(1);
  });

  it("is not one when the server only starts over", async () => {
    const socket = await stage.joined();
    socket.say({ method: "session.closed", params: { code: "shutting_down", reason: "" } });
    await stage.waited();
    const second = await stage.opened();
    expect(second.last.method).toBe("session.resume");
    expect(stage.endings).toEqual([]);
  });
});

describe("a meeting at one of several nodes", () => {
  const elsewhere = { code: -32000, message: "", data: { code: "elsewhere", node: "b" } };

  it("is gone to at once, and come back to directly", async () => {
    void stage.session.join();
    const first = await stage.opened();
    first.say({ id: first.last.id, error: elsewhere });
    const second = await stage.opened();
    expect(second.url).toBe("ws://test/n/b/api/v1/socket");
    expect(second.last.params).toEqual(first.last.params);
    second.answer(second.last, JOINED);
    await settle();
    second.drop();
    await stage.waited();
    expect((await stage.opened()).url).toBe("ws://test/n/b/api/v1/socket");
  });

  it("is asked for anywhere when the node does not answer, and waited for while it moves", async () => {
    const socket = await stage.joined();
    socket.say({ method: "session.closed", params: { code: "moved", reason: "" } });
    await stage.waited();
    const second = await stage.opened();
    second.say({ id: second.last.id, error: elsewhere });
    const third = await stage.opened();
    expect(third.url).toBe("ws://test/n/b/api/v1/socket");
    third.refuse(third.last, "moving", { spread: 3 });
    await settle();
    expect(stage.delays).toEqual([500, 3000]);
    await stage.waited();
    const fourth = await stage.opened();
    expect(fourth.url).toBe("ws://test/api/v1/socket");
    expect(fourth.last.method).toBe("session.resume");
    expect(stage.tokens).toBe(1);
  });

  it("is come back to within the time that all need, also when its node does not answer", async () => {
    (await stage.joined()).drop();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await stage.waited();
      const asked = await stage.opened();
      asked.refuse(asked.last, "elsewhere", { node: "b", spread: 6 });
      await settle();
      expect(stage.socket.url).toBe("ws://test/n/b/api/v1/socket");
      stage.socket.drop();
      await settle();
    }
    await stage.waited();
    stage.socket.drop();
    await settle();
    expect(stage.delays).toEqual([500, 6000, 6000, 864]);
  });
});

it("spreads all who wait for the same evenly over the time that they are given, and goes on more slowly after that", () => {
  expect([evenly(3, 0, () => 0), evenly(3, 0, () => 1)]).toEqual([0, 3000]);
  expect([evenly(3, 9, () => 0), evenly(3, 9, () => 1)]).toEqual([2700, 3000]);
  expect(evenly(3, 14, () => 1)).toBe(4320);
  expect(evenly(3, 99, () => 1)).toBe(15_000);
});

it("spreads returning clients over the whole of the delay", () => {
  expect(backoff(0, () => 0)).toBe(0);
  expect(backoff(1, () => 0.5)).toBe(300);
  expect(backoff(40, () => 1)).toBe(15_000);
});

it("tries again by the clock, each time somewhere within a longer delay, until it is back", async () => {
  vi.useFakeTimers();
  const states: SessionState[] = [];
  const session = new Session(
    {
      url: "ws://test/api/v1/socket",
      token: async () => "token",
      connect: (url) => new FakeSocket(url) as unknown as WebSocket,
      random: () => 0.5,
    },
    {
      state: (state) => states.push(state),
      joined: () => undefined,
      event: () => undefined,
      notification: () => undefined,
      over: () => undefined,
      quiet: () => undefined,
    },
  );
  const newest = () => FakeSocket.made[FakeSocket.made.length - 1];
  const joining = session.join();
  await settle();
  newest().open();
  await settle();
  newest().answer(newest().last, JOINED);
  await joining;
  newest().drop();
  const delays = Array.from({ length: 22 }, (_, attempt) => Math.round(Math.min(7_500, 250 * 1.2 ** attempt)));
  for (const [attempt, delay] of delays.entries()) {
    const tried = FakeSocket.made.length;
    await vi.advanceTimersByTimeAsync(delay - 1);
    expect(FakeSocket.made).toHaveLength(tried);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.made).toHaveLength(tried + 1);
    if (attempt < delays.length - 1) newest().drop();
  }
  newest().open();
  await settle();
  newest().answer(newest().last, JOINED);
  await settle();
  expect(states).toEqual(["joining", "joined", "lost", "joined"]);
  vi.useRealTimers();
});
