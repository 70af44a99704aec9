import { beforeEach, describe, expect, it, vi } from "vitest";
import { reactive } from "vue";
import type { types } from "mediasoup-client";
import type { NewConsumer, Receiving, StandingMedia } from "../wire";
import { settle } from "./fake";
import { Relays } from "./relays";
import { prepare } from "./ability";
import { MediaRoom } from "./room";
import { type Caller, CONNECTION_LOST, type Params, RpcError } from "./rpc";

type Listener = (...args: never[]) => void;

class Emitter {
  readonly listeners = new Map<string, Listener>();

  on(name: string, listener: Listener): void {
    this.listeners.set(name, listener);
  }

  emit(name: string, ...args: unknown[]): void {
    (this.listeners.get(name) as ((...args: unknown[]) => void) | undefined)?.(...args);
  }
}

class Flow extends Emitter {
  closed = false;
  paused = false;
  readonly track = {} as MediaStreamTrack;

  constructor(
    readonly id: string,
    readonly kind = "audio",
  ) {
    super();
  }

  close(): void {
    this.closed = true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  async replaceTrack(): Promise<void> {}

  readonly encodings = [{ active: true }, { active: true }, { active: true }];
  readonly rtpSender = {
    getParameters: () => ({ encodings: this.encodings.map((one) => ({ ...one })) }),
    setParameters: async ({ encodings }: { encodings: { active: boolean }[] }) => {
      this.encodings.splice(0, this.encodings.length, ...encodings);
    },
  };
}

class FakeTransport extends Emitter {
  closed = false;
  connectionState: types.ConnectionState = "new";
  restarts = 0;
  arrived = 0;
  private introduced = false;
  readonly flows: Flow[] = [];

  constructor(readonly id: string) {
    super();
  }

  /** Asked for in one turn of the event loop, at most. */
  together = 0;
  /** Of a form that this browser does not know. */
  unknown = "";
  private asked = 0;

  async consume({ id }: { id: string }): Promise<Flow> {
    this.together = Math.max(this.together, ++this.asked);
    queueMicrotask(() => (this.asked = 0));
    if (id === this.unknown) throw new Error("unknown form");
    await this.introduce();
    return this.add(new Flow(id));
  }

  async produce({ appData }: { appData: unknown }): Promise<Flow> {
    await this.introduce();
    const { id } = await new Promise<{ id: string }>((done, failed) =>
      this.emit("produce", { kind: "audio", rtpParameters: {}, appData }, done, failed),
    );
    return this.add(new Flow(id));
  }

  async getStats(): Promise<Map<string, object>> {
    return new Map([["pair", { type: "candidate-pair", bytesReceived: this.arrived, responsesReceived: 1 }]]);
  }

  async restartIce(): Promise<void> {
    this.restarts += 1;
  }

  close(): void {
    this.closed = true;
    for (const flow of this.flows) flow.emit("transportclose");
  }

  change(state: types.ConnectionState): void {
    this.connectionState = state;
    this.emit("connectionstatechange", state);
  }

  private add(flow: Flow): Flow {
    this.flows.push(flow);
    return flow;
  }

  private async introduce(): Promise<void> {
    if (this.introduced) return;
    await new Promise<void>((done, failed) => this.emit("connect", { dtlsParameters: {} }, done, failed));
    this.introduced = true;
    this.change("connected");
  }
}

const devices = vi.hoisted(() => ({ made: 0 }));
const made = vi.hoisted(() => [] as { id: string }[]);

vi.mock("mediasoup-client", () => {
  const create = (offer: { id: string }) => {
    const transport = new FakeTransport(offer.id);
    made.push(transport);
    return transport;
  };
  const device = {
    load: async ({ routerRtpCapabilities }: { routerRtpCapabilities: object }) => void structuredClone(routerRtpCapabilities),
    rtpCapabilities: { codecs: [{ mimeType: "audio/opus", preferredPayloadType: 100, clockRate: 48000 }] },
    createRecvTransport: create,
    createSendTransport: create,
  };
  return { Device: { factory: async () => (devices.made++, device) } };
});

/** A server that answers everything, and a room in which one voice is heard and one's own is sent. */
class Stage {
  readonly calls: [string, Params][] = [];
  readonly heard: string[] = [];
  readonly gone: string[] = [];
  failures = 0;
  cut = false;
  room!: MediaRoom;
  private numbers = 0;

  readonly call: Caller = async <Result>(method: string, params: Params = {}) => {
    if (this.cut) throw new RpcError(CONNECTION_LOST, "cut");
    this.calls.push([method, params]);
    return { id: `${method.slice(6)}-${++this.numbers}`, iceParameters: {} } as Result;
  };

  async begin(receiving: Receiving | null = null, call = this.call): Promise<void> {
    this.room = await MediaRoom.open({ codecs: [] }, new Relays([], call), call, {
      received: ({ id }) => this.heard.push(id),
      gone: (id) => this.gone.push(id),
      state: () => undefined,
      failed: () => (this.failures += 1),
      still: () => undefined,
    });
    await this.room.listen(receiving);
    await settle();
  }

  async open(): Promise<void> {
    await this.begin();
    this.room.consume(offer("c_1"));
    await this.room.publish("microphone", {} as MediaStreamTrack);
    await settle();
    this.calls.length = 0;
  }

  get recv(): FakeTransport {
    return made[0] as FakeTransport;
  }

  get send(): FakeTransport {
    return made[1] as FakeTransport;
  }

  methods(): string[] {
    return this.calls.map(([method]) => method);
  }

  standing(changes: Partial<StandingMedia> = {}): StandingMedia {
    return {
      transports: [
        { id: this.recv.id, direction: "recv" },
        { id: this.send.id, direction: "send" },
      ],
      producers: [{ id: this.producer, transport: this.send.id, kind: "audio", source: "microphone", layers: [0] }],
      consumers: [offer("c_1")],
      ...changes,
    };
  }

  producer = "";
}

function offer(id: string): NewConsumer {
  return {
    id,
    producer: `of-${id}`,
    participant: "p_2",
    source: "microphone",
    kind: "audio",
    rtpParameters: { codecs: [] } as unknown as types.RtpParameters,
  };
}

let stage: Stage;
beforeEach(async () => {
  made.length = 0;
  stage = new Stage();
  const remember = stage.call;
  const call: Caller = async <Result>(method: string, params?: Params) => {
    const answer = await remember<Result>(method, params);
    if (method === "media.produce") stage.producer = (answer as { id: string }).id;
    return answer;
  };
  Object.assign(stage, { call });
  await stage.open();
});

describe("a browser that is ready for a server", () => {
  it("is not asked again what it can do, unless the server can do something else", async () => {
    const before = devices.made;
    const capabilities = { codecs: [], headerExtensions: [] };
    await prepare(reactive(capabilities));
    const nothing = () => undefined;
    const events = { received: nothing, gone: nothing, state: nothing, failed: nothing, still: nothing };
    await MediaRoom.open({ ...capabilities }, new Relays([], stage.call), stage.call, events);
    expect(devices.made).toBe(before + 1);
    await MediaRoom.open({ codecs: [] }, new Relays([], stage.call), stage.call, events);
    expect(devices.made).toBe(before + 2);
  });
});

describe("what is offered", () => {
  it("is set up together when it came together, and none of it waits for an answer about another", async () => {
    const answers: (() => void)[] = [];
    const { call } = stage;
    const room = stage.room as unknown as { call: Caller };
    room.call = async <Result>(method: string, params?: Params) => {
      if (method === "media.resumeConsumer") await new Promise<void>((done) => answers.push(done));
      return call<Result>(method, params);
    };
    stage.recv.together = 0;
    for (const id of ["c_2", "c_3", "c_4"]) stage.room.consume(offer(id));
    await settle();
    expect(stage.recv.together).toBe(3);
    expect(stage.heard).toEqual(["c_1", "c_2", "c_3", "c_4"]);
    expect(answers).toHaveLength(3);
    answers.forEach((answer) => answer());
    await settle();
    expect(stage.methods()).toEqual(Array(3).fill("media.resumeConsumer"));
  });

  it("is received although something else of it cannot be", async () => {
    stage.recv.unknown = "c_2";
    const told = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    stage.room.consume(offer("c_2"));
    stage.room.consume(offer("c_3"));
    await settle();
    expect(stage.heard).toEqual(["c_1", "c_3"]);
    expect(told).toHaveBeenCalledOnce();
    told.mockRestore();
  });
});

describe("what comes along with joining", () => {
  it("is set up on the transport that came with it, before any handshake, and needs no word to flow", async () => {
    made.length = 0;
    const fresh = new Stage();
    const consumers = ["c_1", "c_2"].map((id) => ({ ...offer(id), flows: true }));
    await fresh.begin({ transport: { id: "given" }, consumers } as unknown as Receiving);
    expect(fresh.recv.id).toBe("given");
    expect(fresh.recv.together).toBe(2);
    expect(fresh.heard).toEqual(["c_1", "c_2"]);
    expect(new Set(fresh.methods())).toEqual(new Set(["media.connectTransport"]));
  });

  it("is a transport alone where there is nothing to receive yet: it is connected all the same", async () => {
    made.length = 0;
    const fresh = new Stage();
    await fresh.begin({ transport: { id: "given" }, consumers: [] } as unknown as Receiving);
    fresh.room.consume(offer("c_1"));
    await settle();
    expect(fresh.methods()).toEqual(["media.connectTransport", "media.resumeConsumer"]);
  });

  it("begins anew when the handshake is refused", async () => {
    const told = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    made.length = 0;
    const fresh = new Stage();
    let refuse = (): void => undefined;
    const answers = fresh.call;
    const refusing: Caller = (method, params) =>
      method === "media.connectTransport"
        ? new Promise((_, failed) => (refuse = () => failed(new RpcError("unknown_transport", "gone"))))
        : answers(method, params);
    await fresh.begin({ transport: { id: "given" }, consumers: [offer("c_1")] } as unknown as Receiving, refusing);
    expect(fresh.failures).toBe(0);
    refuse();
    await settle();
    expect(fresh.heard).toEqual([]);
    expect(fresh.failures).toBe(1);
    expect(told).toHaveBeenCalled();
    told.mockRestore();
  });
});

describe("what a media worker that is being started refuses", () => {
  it("is no trouble: a new room is made", async () => {
    const told = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    made.length = 0;
    const fresh = new Stage();
    const refuses = { code: "media_unavailable" };
    const refusing: Caller = (method, params) =>
      method === "media.restartIce" ? Promise.reject(new RpcError(refuses.code, "not yet")) : fresh.call(method, params);
    await fresh.begin(null, refusing);
    await fresh.room.restartPath("recv");
    expect(fresh.failures).toBe(1);
    expect(told).not.toHaveBeenCalled();
    refuses.code = "unknown_transport";
    await fresh.room.restartPath("recv");
    expect(told).toHaveBeenCalledOnce();
    told.mockRestore();
  });
});

describe("after a lost connection", () => {
  it("keeps what still stands, and lets it flow", async () => {
    await stage.room.comeBack(stage.standing());
    expect(stage.methods()).toEqual(["media.resumeConsumer", "media.resumeProducer"]);
    expect(stage.gone).toEqual([]);
    expect([stage.recv.closed, stage.send.closed]).toEqual([false, false]);
    expect(stage.room.sends("microphone")).toBe(true);
  });

  it("tells again what is paused here, in case that was lost", async () => {
    stage.cut = true;
    await stage.room.pause("microphone").catch(() => undefined);
    stage.cut = false;
    await stage.room.comeBack(stage.standing());
    expect(stage.methods()).toContain("media.pauseProducer");
  });

  it("drops what is gone and takes what it never heard of", async () => {
    await stage.room.comeBack(stage.standing({ consumers: [offer("c_2")] }));
    expect(stage.gone).toEqual(["c_1"]);
    expect(stage.heard).toEqual(["c_1", "c_2"]);
  });

  it("sends only the sizes that somebody needs, also when it hears of it late", async () => {
    const active = () => stage.send.flows[0].encodings.map((one) => one.active);
    await stage.room.sendLayers(stage.producer, [0, 2]);
    expect(active()).toEqual([true, false, true]);
    await stage.room.sendLayers("pr_other", [1]);
    expect(active()).toEqual([true, false, true]);
    const producers = stage.standing().producers.map((one) => ({ ...one, layers: [0, 1] }));
    await stage.room.comeBack(stage.standing({ producers }));
    expect(active()).toEqual([true, true, false]);
  });

  it("closes a producer whose answer was lost", async () => {
    const stray = { id: "pr_stray", transport: stage.send.id, kind: "video" as const, source: "camera" as const, layers: [0] };
    const { producers } = stage.standing();
    await stage.room.comeBack(stage.standing({ producers: [...producers, stray] }));
    expect(stage.calls).toContainEqual(["media.closeProducer", { id: "pr_stray" }]);
  });

  it("makes only the receiving side anew when only that is gone", async () => {
    const transports = stage.standing().transports.filter(({ direction }) => direction === "send");
    await stage.room.comeBack(stage.standing({ transports }));
    await settle();
    expect(stage.recv.closed).toBe(true);
    expect(stage.send.closed).toBe(false);
    expect(made).toHaveLength(3);
    expect(stage.gone).toEqual(["c_1"]);
  });

  it("sends on a new transport when the old one is gone", async () => {
    const transports = stage.standing().transports.filter(({ direction }) => direction === "recv");
    await stage.room.comeBack(stage.standing({ transports, producers: [] }));
    expect(stage.send.closed).toBe(true);
    await stage.room.publish("microphone", {} as MediaStreamTrack);
    expect(made).toHaveLength(3);
    expect(stage.methods().slice(-3)).toEqual(["media.createTransport", "media.connectTransport", "media.produce"]);
    expect(stage.recv.closed).toBe(false);
  });

  it.each(["disconnected", "failed"] as const)("restarts ICE where it is %s", async (state) => {
    stage.recv.connectionState = state;
    await stage.room.comeBack(stage.standing());
    expect([stage.recv.restarts, stage.send.restarts]).toEqual([1, 0]);
  });

  it("restarts ICE where nothing comes any more, although the browser has not noticed", async () => {
    vi.useFakeTimers();
    await stage.room.comeBack(stage.standing());
    await vi.advanceTimersByTimeAsync(1_000);
    stage.send.arrived += 1;
    await vi.advanceTimersByTimeAsync(2_000);
    expect([stage.recv.restarts, stage.send.restarts]).toEqual([1, 0]);
    vi.useRealTimers();
  });

  it("restarts ICE everywhere when the network has changed", async () => {
    await stage.room.comeBack(stage.standing(), true);
    expect([stage.recv.restarts, stage.send.restarts]).toEqual([1, 1]);
  });

  it("restarts ICE everywhere at once when the network has changed and the connection has not", async () => {
    expect(await stage.room.moveOn()).toBe(true);
    expect([stage.recv.restarts, stage.send.restarts]).toEqual([1, 1]);
    stage.cut = true;
    expect(await stage.room.moveOn()).toBe(false);
    expect(stage.failures).toBe(0);
  });

  it("does not give up what it could not restart while it was cut off", async () => {
    vi.useFakeTimers();
    stage.cut = true;
    stage.recv.change("failed");
    await settle();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stage.failures).toBe(0);
    stage.cut = false;
    await stage.room.comeBack(stage.standing());
    expect(stage.recv.restarts).toBe(1);
    vi.useRealTimers();
  });
});
