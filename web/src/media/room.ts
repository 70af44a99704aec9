/** The media of one meeting: a mediasoup device, one transport to send and one to receive, and what flows on them. */
import type { Device, types } from "mediasoup-client";
import type { IceRestarted, NewConsumer, Receiving, Source, StandingMedia, TransportOffer } from "../wire";
import type { Outgoing } from "./healer";
import type { LinkCounters } from "./network";
import { prepare, receives } from "./ability";
import { Attention } from "./attention";
import { arrived, type ConsumerStats, countLink, newestPlayed, receivedBy, sentBy } from "./counters";
import { encoding, setLayers } from "./encodings";
import { looks } from "./looks";
import type { Relays } from "./relays";
import { Stillness } from "./stillness";
import { type Caller, CONNECTION_LOST, isPassing, RpcError } from "./rpc";

export type MediaState = "new" | "connecting" | "connected" | "interrupted" | "closed";

export interface Received {
  id: string;
  participant: string;
  source: Source;
  track: MediaStreamTrack;
}

export interface RoomEvents {
  received: (received: Received) => void;
  gone: (consumer: string) => void;
  state: (state: MediaState) => void;
  /** Nothing short of new transports helps. */
  failed: () => void;
  /** Nothing comes any more, although the browser says that it is connected. */
  still: () => void;
}

type Direction = "send" | "recv";

/**
 * How long a transport may be disconnected before ICE is restarted, and failed before it is made anew (ms). A browser
 * says "disconnected" after seconds in which nothing came; a path that comes back meanwhile is used on.
 */
const PATIENCE = 200;
const RESTART_LIMIT = 8_000;
/** How often is looked whether anything comes (ms). */
const LOOK = 500;
/** Longer than a browser waits between two of its own checks of a path (ms). */
const PROBE = 3_000;

/** How long what is sent waits for what is received (ms). */
const RECEIVES_FIRST = 1_000;

export class MediaRoom {
  private send: types.Transport | null = null;
  private recv: types.Transport | null = null;
  private readonly producers = new Map<Source, types.Producer>();
  private readonly consumers = new Map<string, types.Consumer>();
  private readonly about = new Map<string, NewConsumer>();
  private readonly timers = new Map<Direction, ReturnType<typeof setTimeout>>();
  private readonly closedEarly = new Set<string>();
  /** What has been offered while something else was going on: received together, in one negotiation. */
  private readonly offers: NewConsumer[] = [];
  /** Transports whose DTLS the server has been told of. */
  private readonly introduced = new Set<string>();
  private readonly attention: Attention;
  private nowAgreed: () => void = () => undefined;
  private readonly agreed = new Promise<void>((resolve) => (this.nowAgreed = resolve));
  private nowConnected: () => void = () => undefined;
  private readonly connected = new Promise<void>((resolve) => (this.nowConnected = resolve));
  private queue: Promise<void> = Promise.resolve();
  private over = false;
  private lastMid = 0;
  private readonly stillness = new Stillness();
  private readonly looking: ReturnType<typeof setInterval>;

  private constructor(
    private readonly device: Device,
    private readonly call: Caller,
    private readonly relays: Relays,
    private readonly events: RoomEvents,
  ) {
    this.attention = new Attention(call, (track) => looks.of(track));
    this.looking = setInterval(() => void this.look().catch(() => undefined), LOOK);
  }

  static async open(
    capabilities: types.RtpCapabilities,
    relays: Relays,
    call: Caller,
    events: RoomEvents,
  ): Promise<MediaRoom> {
    return new MediaRoom(await prepare(capabilities), call, relays, events);
  }

  /**
   * Makes the receiving transport and connects it before anything is received, so that a first picture comes fast.
   * `receiving`: it has been made along with joining, and what there is to receive is set up at once.
   */
  async listen(receiving: Receiving | null = null): Promise<void> {
    const offer = receiving?.transport ?? (await this.createReceiving());
    const iceServers = await this.relays.current();
    if (this.over) return;
    this.recv = this.device.createRecvTransport({ ...offer, iceServers });
    this.wire(this.recv, "recv");
    if (receiving?.consumers.length) for (const each of receiving.consumers) this.consume(each);
    else this.later(() => this.warm());
  }

  private createReceiving(): Promise<TransportOffer> {
    return this.call("media.createTransport", { direction: "recv", rtpCapabilities: receives(this.device) });
  }

  /** Resolves when the path to receive stands, or has taken its time: to send is as much work, and comes after it. */
  async receives(): Promise<void> {
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, RECEIVES_FIRST));
    await Promise.race([this.connected, deadline]);
  }

  /** Resolves when what has been begun is done, well or not. */
  settled(): Promise<void> {
    return this.queue;
  }

  /** Resolves when the browser goes on by itself for a while, with the handshake or with nothing. */
  async shakesHands(): Promise<void> {
    await Promise.race([this.agreed, this.queue]);
  }

  /**
   * The session is back after a lost connection. What still stands at the server goes on untouched, what is gone is
   * dropped or made anew; sources are for the caller to publish again. `moved`: this device's network has changed.
   */
  comeBack(standing: StandingMedia, moved = false): Promise<void> {
    return this.later(async () => {
      try {
        const ids = new Set(standing.transports.map((transport) => transport.id));
        await this.resumeReceiving(standing, ids);
        await this.resumeSending(standing, ids);
      } catch (error) {
        if (!isLost(error)) this.giveUp();
        throw error;
      }
      for (const [transport, direction] of [[this.recv, "recv"], [this.send, "send"]] as const) {
        const state = transport?.connectionState;
        if (transport && (moved || state === "disconnected" || state === "failed")) {
          await this.restart(transport, direction);
        } else if (transport) {
          void this.probe(transport, direction);
        }
      }
    });
  }

  /** What cut the connection may have cut this path too: the browser takes its time to say so. */
  private async probe(transport: types.Transport, direction: Direction): Promise<void> {
    const before = await arrived(transport);
    await new Promise((resolve) => setTimeout(resolve, PROBE));
    if (this.over || transport.closed || transport.connectionState !== "connected") return;
    if ((await arrived(transport)) === before) await this.restart(transport, direction);
  }

  /** What is played is asked for often, and costs nothing; what has come over the path only where that stands still. */
  private async look(): Promise<void> {
    const { recv } = this;
    if (recv?.connectionState !== "connected") return;
    if (!this.stillness.suspects(newestPlayed(this.consumers.values()), performance.now())) return;
    const came = await arrived(recv);
    if (!this.over && this.stillness.stands(came, performance.now())) this.events.still();
  }

  private stands(transport: types.Transport | null, ids: Set<string>): boolean {
    return transport !== null && !transport.closed && ids.has(transport.id) && this.introduced.has(transport.id);
  }

  private async resumeReceiving(standing: StandingMedia, ids: Set<string>): Promise<void> {
    const stands = this.stands(this.recv, ids);
    const offers = new Map(stands ? standing.consumers.map((offer) => [offer.id, offer]) : []);
    for (const id of [...this.consumers.keys()]) if (!offers.has(id)) this.forget(id);
    if (!stands) {
      this.quieten("recv");
      this.recv?.close();
      await this.listen();
    }
    for (const offer of offers.values()) {
      if (this.consumers.has(offer.id)) await this.play(offer);
      else await this.receive(offer);
    }
  }

  private async resumeSending(standing: StandingMedia, ids: Set<string>): Promise<void> {
    const stands = this.stands(this.send, ids);
    const there = new Set(stands ? standing.producers.map((producer) => producer.id) : []);
    for (const [source, producer] of [...this.producers]) {
      if (!there.delete(producer.id)) {
        this.producers.delete(source);
        producer.close();
      } else {
        await this.call(producer.paused ? "media.pauseProducer" : "media.resumeProducer", { id: producer.id });
        await setLayers(producer, standing.producers.find(({ id }) => id === producer.id)!.layers);
      }
    }
    for (const id of there) await this.call("media.closeProducer", { id });
    if (!stands) {
      this.quieten("send");
      this.send?.close();
      this.send = null;
    }
  }

  private quieten(direction: Direction): void {
    clearTimeout(this.timers.get(direction));
    this.timers.delete(direction);
  }

  async publish(source: Source, track: MediaStreamTrack): Promise<void> {
    const existing = this.producers.get(source);
    if (existing) {
      await existing.replaceTrack({ track });
      await this.resume(source);
      return;
    }
    const transport = await this.sending();
    const producer = await transport.produce({ track, stopTracks: false, appData: { source }, ...encoding(source, track) });
    this.producers.set(source, producer);
    producer.on("transportclose", () => this.producers.delete(source));
  }

  async unpublish(source: Source): Promise<void> {
    const producer = this.producers.get(source);
    if (!producer) return;
    this.producers.delete(source);
    producer.close();
    await this.call("media.closeProducer", { id: producer.id });
  }

  /** Stops sending at once, on this device; the server is told afterwards. */
  async pause(source: Source): Promise<void> {
    const producer = this.producers.get(source);
    if (!producer || producer.paused) return;
    producer.pause();
    await this.call("media.pauseProducer", { id: producer.id });
  }

  async resume(source: Source): Promise<void> {
    const producer = this.producers.get(source);
    if (!producer?.paused) return;
    producer.resume();
    await this.call("media.resumeProducer", { id: producer.id });
  }

  /** Cuts the device's own track off the wire before anything else happens. */
  silence(source: Source): void {
    const producer = this.producers.get(source);
    producer?.pause();
    void producer?.replaceTrack({ track: null }).catch(() => undefined);
  }

  /** The server has ended it: nothing is left to tell. The answer is what it was. */
  producerClosed(id: string): Source | null {
    for (const [source, producer] of this.producers) {
      if (producer.id !== id) continue;
      this.producers.delete(source);
      producer.close();
      return source;
    }
    return null;
  }

  /** Only these sizes of what this device sends are needed. */
  sendLayers(id: string, layers: readonly number[]): Promise<void> {
    return this.later(async () => {
      for (const producer of this.producers.values()) if (producer.id === id) await setLayers(producer, layers);
    });
  }

  /** Pictures have another size on the page, or are seen or not seen now. */
  looksChanged(): void {
    this.attention.soon();
  }

  sends(source: Source): boolean {
    return this.producers.get(source)?.paused === false;
  }

  consume(offer: NewConsumer): void {
    this.offers.push(offer);
    if (this.offers.length === 1) this.later(() => this.receiveAll());
  }

  closeConsumer(id: string): void {
    if (!this.consumers.has(id)) this.closedEarly.add(id);
    this.forget(id);
  }

  requestKeyframe(id: string): Promise<unknown> {
    return this.call("media.requestKeyframe", { id });
  }

  /** The server closes it and offers another one of the same source. */
  restartConsumer(id: string): Promise<unknown> {
    return this.call("media.restartConsumer", { id });
  }

  /** ICE anew, over whatever path is there now. */
  restartPath(direction: Direction): Promise<void> {
    return this.later(async () => {
      const transport = direction === "send" ? this.send : this.recv;
      if (transport && !transport.closed) await this.restart(transport, direction);
    });
  }

  /** This device has another network: ICE anew on all sides. Whether that could be begun. */
  async moveOn(): Promise<boolean> {
    let begun = true;
    await this.later(async () => {
      for (const [transport, direction] of [[this.recv, "recv"], [this.send, "send"]] as const) {
        if (transport && !transport.closed) begun = (await this.restart(transport, direction)) && begun;
      }
    });
    return begun;
  }

  /** Another producer of the same track. */
  async republish(source: Source): Promise<void> {
    const track = this.producers.get(source)?.track;
    if (!track) return;
    await this.unpublish(source);
    await this.publish(source, track);
  }

  /** What each producer that is not paused has sent so far. */
  async outgoing(): Promise<Outgoing[]> {
    if (this.send?.connectionState !== "connected") return [];
    const flowing = [...this.producers].filter(([, producer]) => !producer.paused);
    return Promise.all(
      flowing.map(async ([source, producer]) => ({ source, ...sentBy(await producer.getStats()) })),
    );
  }

  /** What each received track has brought so far, from the browser's own counters. */
  async stats(): Promise<ConsumerStats[]> {
    return Promise.all([...this.consumers.values()].map((consumer) => this.statsOf(consumer)));
  }

  async link(): Promise<LinkCounters> {
    const found: LinkCounters = { roundTrip: null, sent: 0, sentLost: 0, received: new Map(), limited: false };
    for (const transport of [this.recv, this.send]) {
      if (transport && !transport.closed) countLink((await transport.getStats()).values(), found);
    }
    const received = new Map<string, { packets: number; lost: number }>();
    for (const one of await this.stats()) {
      const sum = received.get(one.participant) ?? { packets: 0, lost: 0 };
      sum.packets += one.packetsReceived ?? 0;
      sum.lost += one.packetsLost ?? 0;
      received.set(one.participant, sum);
    }
    return { ...found, received };
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    clearInterval(this.looking);
    this.attention.close();
    for (const id of [...this.consumers.keys()]) this.forget(id);
    this.producers.clear();
    this.send?.close();
    this.recv?.close();
    this.events.state("closed");
  }

  private later(work: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(() => (this.over ? undefined : work())).catch((error) => this.trouble(error));
    return this.queue;
  }

  /** What a lost connection has broken off is taken up by `comeBack`, what a worker that starts has refused by a new room; what leaving has, is no trouble. */
  private trouble(error: unknown): void {
    if (this.over || isLost(error) || isPassing(error)) return;
    console.warn("Media:", error instanceof Error ? error.message : error);
  }

  private async sending(): Promise<types.Transport> {
    if (!this.send || this.send.closed) {
      const offer = await this.call<TransportOffer>("media.createTransport", { direction: "send" });
      const iceServers = await this.relays.current();
      this.send = this.device.createSendTransport({ ...offer, iceServers });
      this.wire(this.send, "send");
      this.send.on("produce", ({ kind, rtpParameters, appData }, done, failed) => {
        const params = { transport: offer.id, kind, rtpParameters, source: appData.source };
        this.call<{ id: string }>("media.produce", params).then(done, failed);
      });
    }
    return this.send;
  }

  private wire(transport: types.Transport, direction: Direction): void {
    transport.on("connect", ({ dtlsParameters }, done, failed) => {
      this.call("media.connectTransport", { id: transport.id, dtlsParameters }).then(
        () => {
          this.introduced.add(transport.id);
          if (direction === "recv") setTimeout(this.nowAgreed);
          done();
        },
        (error) => {
          failed(error);
          this.unknown(transport, error);
        },
      );
    });
    transport.on("connectionstatechange", (state) => this.changed(transport, direction, state));
  }

  /** The server does not know this side's fingerprint: the two will never shake hands. */
  private unknown(transport: types.Transport, error: unknown): void {
    if (!transport.closed && !isLost(error)) this.giveUp();
  }

  private changed(transport: types.Transport, direction: Direction, state: types.ConnectionState): void {
    if (this.over || transport.closed) return;
    this.quieten(direction);
    if (state === "connected" && direction === "recv") this.nowConnected();
    if (state === "connected") this.events.state("connected");
    else if (state === "connecting") this.events.state("connecting");
    else if (state === "failed") void this.restart(transport, direction);
    else if (state === "disconnected") {
      this.events.state("interrupted");
      this.timers.set(direction, setTimeout(() => void this.restart(transport, direction), PATIENCE));
    }
  }

  /** Whether it could be begun. */
  private async restart(transport: types.Transport, direction: Direction): Promise<boolean> {
    this.quieten(direction);
    if (transport.connectionState !== "connected") this.events.state("interrupted");
    this.timers.set(direction, setTimeout(() => this.giveUp(), RESTART_LIMIT));
    try {
      if (this.relays.any) await transport.updateIceServers({ iceServers: await this.relays.current() });
      const { iceParameters } = await this.call<IceRestarted>("media.restartIce", { id: transport.id });
      await transport.restartIce({ iceParameters });
      if (transport.connectionState === "connected") this.quieten(direction);
      return true;
    } catch (error) {
      this.quieten(direction);
      this.trouble(error);
      if (!isLost(error)) this.giveUp();
      return false;
    }
  }

  private giveUp(): void {
    if (!this.over) this.events.failed();
  }

  /**
   * ICE and DTLS begin when a first consumer is set up. This one exists only here: nobody sends to it.
   */
  private async warm(): Promise<void> {
    const opus = this.device.rtpCapabilities.codecs?.find((codec) => codec.mimeType.toLowerCase() === "audio/opus");
    if (!opus || !this.recv) return;
    const consumer = await this.recv.consume({
      id: "warm",
      producerId: "warm",
      kind: "audio",
      rtpParameters: {
        mid: "warm",
        codecs: [
          {
            mimeType: opus.mimeType,
            payloadType: opus.preferredPayloadType!,
            clockRate: opus.clockRate,
            channels: opus.channels,
            parameters: { useinbandfec: 1 },
            rtcpFeedback: [],
          },
        ],
        headerExtensions: [],
        encodings: [{ ssrc: crypto.getRandomValues(new Uint32Array(1))[0] }],
        rtcp: { cname: "warm", reducedSize: true },
      },
    });
    consumer.pause();
  }

  private async receiveAll(): Promise<void> {
    const set = await Promise.allSettled(this.offers.splice(0).map((offer) => this.setUp(offer)));
    for (const one of set) {
      if (one.status === "rejected") this.trouble(one.reason);
      else if (one.value) void this.play(one.value).catch((error) => this.trouble(error));
    }
  }

  private async receive(offer: NewConsumer): Promise<void> {
    if (await this.setUp(offer)) await this.play(offer);
  }

  /** What has been set up; null when it has ended meanwhile. */
  private async setUp(offer: NewConsumer): Promise<NewConsumer | null> {
    if (!this.recv || this.closedEarly.delete(offer.id)) return null;
    const consumer = await this.recv.consume({
      id: offer.id,
      producerId: offer.producer,
      kind: offer.kind,
      // Always a new one: mediasoup-client would count its open media sections, and give a closed one's name again.
      rtpParameters: { ...offer.rtpParameters, mid: offer.rtpParameters.mid ?? `c${++this.lastMid}` },
      streamId: `${offer.participant}-${offer.source === "screen" ? "screen" : "person"}`,
    });
    if (this.closedEarly.delete(offer.id)) {
      consumer.close();
      return null;
    }
    this.consumers.set(offer.id, consumer);
    this.about.set(offer.id, offer);
    consumer.on("transportclose", () => this.forget(offer.id));
    const { id, participant, source } = offer;
    this.events.received({ id, participant, source, track: consumer.track });
    return offer;
  }

  /** A consumer can end while the call is on its way; that it ended is told by itself. */
  private async play({ id, flows }: NewConsumer): Promise<void> {
    try {
      if (!flows) await this.call("media.resumeConsumer", { id });
    } catch (error) {
      if (!(error instanceof RpcError && error.code === "unknown_consumer")) throw error;
    }
    const consumer = this.consumers.get(id);
    if (consumer?.kind === "video") this.attention.begun(id, consumer.track);
  }

  private forget(id: string): void {
    const consumer = this.consumers.get(id);
    if (!consumer) return;
    this.consumers.delete(id);
    this.about.delete(id);
    this.attention.ended(id);
    consumer.close();
    this.events.gone(id);
  }

  private async statsOf(consumer: types.Consumer): Promise<ConsumerStats> {
    const { participant, source } = this.about.get(consumer.id)!;
    const plays = this.attention.plays(consumer.id);
    const known: ConsumerStats = { id: consumer.id, participant, source, kind: consumer.kind, plays };
    return { ...known, ...receivedBy(await consumer.getStats()) };
  }
}

function isLost(error: unknown): boolean {
  return error instanceof RpcError && error.code === CONNECTION_LOST;
}
