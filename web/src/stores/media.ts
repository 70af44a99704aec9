/** This device's camera and microphone, and the pictures and voices that come from the others. */
import { defineStore } from "pinia";
import { computed, ref, shallowReactive, shallowRef, watch } from "vue";
import type { ConsumerStats } from "../media/counters";
import type { DeviceKind } from "../media/devices";
import { Mixer } from "../media/mixer";
import { looks } from "../media/looks";
import { watchMoves } from "../media/moves";
import { judge, type Link, type LinkCounters, SlowWatch } from "../media/network";
import { Relays } from "../media/relays";
import { MediaRoom, type MediaState, type Received } from "../media/room";
import { isPassing, type Params } from "../media/rpc";
import type { Joined, NewConsumer, Snapshot, Source } from "../wire";
import { ownDevices } from "./devices";
import { healing } from "./healing";
import { listening } from "./listening";
import { useMeeting } from "./meeting";

const REBUILD_DELAY = 1_000;
const LINK_EVERY = 3_000;
/** How long the page of the room waits for media at most (ms). */
const PAGE_WAITS = 200;
/** Speech, for one's own microphone (root mean square), and how long one is the one who has spoken (ms). */
const ALOUD = 0.02;
const JUST_NOW = 8_000;

/** Why the own screen or document is not shown any more. */
export type ScreenEnd = "replaced" | "over";

export const useMedia = defineStore("media", () => {
  const meeting = useMeeting();

  const own = ownDevices({
    // With a headset; in the room with the others there is a loudspeaker.
    plainSound: () => meeting.you?.role === "interpreter" && meeting.you.place !== "on_site",
    changed: (kind) => void publish(kind),
  });
  const { tracks, on, open, replace } = own;
  /** What this device shows the others: a window, or a document. */
  const screen = shallowRef<MediaStreamTrack | null>(null);
  const screenEnd = ref<ScreenEnd | null>(null);
  const received = shallowReactive(new Map<string, Received>());
  const state = ref<MediaState>("new");
  const needsTap = ref(false);
  /** Everything of ours is cut off the wire: the meeting is paused, or this person has just paused it. */
  const held = ref(false);
  /** Somebody in the same physical room carries the sound (design, "same room, one sound"). */
  const soundHere = ref(true);
  /** How this device's own line is; null until it has been measured. */
  const link = shallowRef<Link | null>(null);
  const slow = ref(false);

  const mixer = new Mixer((waiting) => (needsTap.value = waiting));
  const ear = listening(meeting, mixer, received);
  let room: MediaRoom | null = null;
  /** `room` receives already; before that a resume begins anew. */
  let complete = false;
  let moved = false;
  /** The devices have been tried out for the meeting that comes now, and are as their owner wants them. */
  let tried = false;
  let joined: Joined | null = null;
  let relays = new Relays([], meeting.call);
  let building = 0;
  let publishing: Promise<void> = Promise.resolve();
  let rebuildTimer: ReturnType<typeof setTimeout> | null = null;

  const audioSource = computed<Source>(() =>
    meeting.you?.role === "interpreter" ? "interpretation" : "microphone",
  );

  function sourceOf(kind: DeviceKind): Source {
    return kind === "camera" ? "camera" : audioSource.value;
  }

  /** On site one device carries the sound for everybody; the others start without their own. */
  function startsSilent(snapshot: Snapshot): boolean {
    return snapshot.you.place === "on_site" && snapshot.you.role !== "newcomer";
  }

  /** One after the other, so that no source is ever produced twice. */
  function publish(kind: DeviceKind): Promise<void> {
    return inTurn(() => publishNow(kind));
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    publishing = publishing.then(async () => {
      const here = room;
      try {
        await work();
      } catch (error) {
        // What is broken off because the room was left is no trouble.
        if (room === here && !isPassing(error)) console.warn("Media:", error instanceof Error ? error.message : error);
      }
    });
    return publishing;
  }

  async function publishNow(kind: DeviceKind): Promise<void> {
    const track = tracks[kind];
    if (!room || !track || !on[kind] || held.value || meeting.you?.phase === "finished") return;
    await room.publish(sourceOf(kind), track);
  }

  async function publishScreen(): Promise<void> {
    const track = screen.value;
    if (!room || !track || held.value || meeting.you?.phase !== "room") return;
    await room.publish("screen", track);
  }

  function publishAll(): Promise<unknown> {
    return Promise.all([publish("microphone"), publish("camera"), inTurn(publishScreen)]);
  }

  /** Shows the track to everybody in the room, in the place of whoever shows something now. */
  async function showScreen(track: MediaStreamTrack): Promise<void> {
    if (screen.value !== track) endScreen("over");
    screen.value = track;
    screenEnd.value = null;
    track.addEventListener("ended", () => {
      if (screen.value === track) void hideScreen();
    });
    await inTurn(publishScreen);
  }

  /** Ends here at once, then tells the server. */
  async function hideScreen(): Promise<void> {
    if (!screen.value) return;
    room?.silence("screen");
    endScreen("over");
    await inTurn(async () => room?.unpublish("screen"));
  }

  function endScreen(why: ScreenEnd): void {
    if (!screen.value) return;
    screen.value.stop();
    screen.value = null;
    screenEnd.value = why;
  }

  /** Says yes to a device again after a refusal, or switches it on or off. */
  async function toggle(kind: DeviceKind): Promise<void> {
    if (tracks[kind] && on[kind]) {
      on[kind] = false;
      tracks[kind]!.enabled = false;
      if (kind === "camera") replace(kind, null);
      await room?.pause(sourceOf(kind));
      return;
    }
    on[kind] = true;
    if (!tracks[kind]) await open({ microphone: kind === "microphone", camera: kind === "camera" });
    const track = tracks[kind];
    if (track) track.enabled = true;
    await publish(kind);
  }

  let spokeAt = -Infinity;
  watch(own.level, (level) => {
    if ((level ?? 0) > ALOUD) spokeAt = performance.now();
  });
  const hasJustSpoken = () => performance.now() - spokeAt < JUST_NOW;

  /** Nothing is heard of the microphone for as long as this holds; nobody needs to be told. */
  const coughing = ref(false);

  function cough(now: boolean): void {
    coughing.value = now;
    if (tracks.microphone) tracks.microphone.enabled = on.microphone && !now;
  }

  async function choose(kind: DeviceKind | "speaker", id: string): Promise<void> {
    own.choose(kind, id);
    if (kind === "speaker") return mixer.setSpeaker(id).catch(() => own.choose("speaker", ""));
    if (!on[kind]) return;
    await open({ microphone: kind === "microphone", camera: kind === "camera" });
    await publish(kind);
  }

  /** Sound on a device that shares its room with another one. Ask first: it may howl. */
  async function setSoundHere(wanted: boolean): Promise<void> {
    soundHere.value = wanted;
    mixer.setSilent(!wanted);
    if (wanted && !tracks.microphone) await toggle("microphone");
    else if (!wanted && on.microphone && tracks.microphone) await toggle("microphone");
  }

  /**
   * Nothing of this device leaves it from here on. The tracks are stopped before anybody is told,
   * so the camera's own light goes out too.
   */
  function hold(): void {
    if (held.value) return;
    held.value = true;
    for (const kind of ["microphone", "camera"] as const) {
      room?.silence(sourceOf(kind));
      replace(kind, null);
    }
    void hideScreen();
  }

  async function release(): Promise<void> {
    if (!held.value) return;
    held.value = false;
    const wanted = { microphone: on.microphone, camera: on.camera };
    if (wanted.microphone || wanted.camera) await open(wanted);
    await publishAll();
  }

  /** Cuts this device off first, then asks for the pause; a refusal brings it back. */
  async function pauseMeeting(): Promise<void> {
    hold();
    try {
      await meeting.act("meeting.pause");
    } catch (error) {
      if (meeting.snapshot?.meeting.state !== "paused") await release();
      throw error;
    }
  }

  /** Whether what there is to receive has been set up, and nothing else has been begun meanwhile. */
  async function build(): Promise<boolean> {
    if (!joined) return false;
    const turn = ++building;
    room?.close();
    room = null;
    complete = false;
    forgetLink();
    waiting.length = 0;
    const created = await MediaRoom.open(joined.router_rtp_capabilities, relays, meeting.call, {
      received: (track) => arrived(track),
      gone: (id) => left(id),
      state: (next) => {
        state.value = next;
        if (next === "interrupted") meeting.hurry();
      },
      failed: rebuildSoon,
      still: hasMoved,
    });
    if (turn !== building) {
      created.close();
      return false;
    }
    room = created;
    const { receiving } = joined;
    joined = { ...joined, receiving: null };
    await created.listen(receiving);
    if (turn !== building) return false;
    complete = true;
    for (const offer of waiting.splice(0)) created.consume(offer);
    await created.shakesHands();
    nowUnderWay();
    await created.settled();
    return turn === building;
  }

  /** Offers that come while the receiving side is being made. */
  const waiting: NewConsumer[] = [];

  function rebuildSoon(): void {
    if (rebuildTimer || meeting.connection !== "joined") return;
    rebuildTimer = setTimeout(() => {
      rebuildTimer = null;
      void rebuild();
    }, REBUILD_DELAY);
  }

  function rebuild(): Promise<void> {
    return build().then(
      (built) => {
        const here = room;
        if (built && here) void here.receives().then(() => (room === here ? publishAll() : undefined));
      },
      (error) => {
        if (!isPassing(error)) console.warn("Media:", error instanceof Error ? error.message : error);
        rebuildSoon();
      },
    );
  }

  let nowUnderWay: () => void = () => undefined;
  let beginning: Promise<void> = Promise.resolve();

  /** Resolves when what came along with joining shakes hands, or soon: a page that is drawn before holds it up. */
  function underWay(): Promise<void> {
    return Promise.race([beginning, new Promise<void>((resolve) => setTimeout(resolve, PAGE_WAITS))]);
  }

  function arrived(track: Received): void {
    received.set(track.id, track);
    if (track.track.kind === "audio") mixer.add(track.id, track.track, ear.loudness(track));
  }

  function left(id: string): void {
    mixer.remove(id);
    received.delete(id);
  }

  function trackOf(participant: string, source: Source = "camera"): MediaStreamTrack | null {
    for (const track of received.values()) {
      if (track.participant === participant && track.source === source) return track.track;
    }
    return null;
  }

  async function stats(): Promise<ConsumerStats[]> {
    const measured = (await room?.stats()) ?? [];
    return measured.map((one) => (one.kind === "audio" ? { ...one, level: mixer.level(one.id) } : one));
  }

  let counted: LinkCounters | null = null;
  let slowWatch = new SlowWatch();

  async function measureLink(): Promise<void> {
    if (!room || state.value !== "connected") return;
    const now = await room.link();
    link.value = judge(now, counted);
    slow.value = counted !== null && slowWatch.note(link.value.quality);
    counted = now;
  }

  function forgetLink(): void {
    counted = null;
    slowWatch = new SlowWatch();
    link.value = null;
    slow.value = false;
  }

  const { ill } = healing({
    meeting, mixer,
    room: () => (state.value === "connected" && complete ? room : null),
    gives: (source) => {
      const kind = source === "camera" ? "camera" : source === "screen" ? null : "microphone";
      const track = kind && tracks[kind];
      return Boolean(kind && track && on[kind] && !held.value && track.enabled && !track.muted && track.readyState === "live");
    },
    rejoin: rebuildSoon,
  });

  setInterval(() => void measureLink().catch(() => undefined), LINK_EVERY);

  /** Opens the devices before there is a meeting: what they give goes nowhere yet. */
  async function tryOut(): Promise<void> {
    tried = true;
    await open({ microphone: on.microphone, camera: on.camera });
  }

  /** Call from a click. */
  function wake(): Promise<void> {
    return mixer.wake();
  }

  function stop(): void {
    building += 1;
    joined = null;
    room?.close();
    room = null;
    endScreen("over");
    replace("microphone", null);
    replace("camera", null);
    forgetLink();
    mixer.close();
    state.value = "new";
    held.value = false;
    tried = false;
  }

  async function start(answer: Joined, again: boolean): Promise<void> {
    joined = answer;
    relays = new Relays(answer.ice_servers ?? [], meeting.call);
    if (!again) {
      const silent = startsSilent(answer.snapshot);
      soundHere.value = !silent;
      mixer.setSilent(silent);
      const { role, kind: interprets } = answer.snapshot.you;
      const sends = !silent && role !== "attendee" && interprets !== "text";
      for (const kind of ["microphone", "camera"] as const) on[kind] = sends && (on[kind] || !tried);
      tried = false;
      if (answer.snapshot.meeting.state === "paused") hold();
      else held.value = false;
    }
    if (again && room && complete) {
      const changed = moved;
      moved = false;
      await room.comeBack(answer.media, changed);
      await publishAll();
      return;
    }
    beginning = answer.receiving ? new Promise((resolve) => (nowUnderWay = resolve)) : Promise.resolve();
    void rebuild();
    const wanted = { microphone: missing("microphone"), camera: missing("camera") };
    if (again || held.value || !(wanted.microphone || wanted.camera)) return;
    await open(wanted);
    await publishAll();
  }

  function missing(kind: DeviceKind): boolean {
    return on[kind] && tracks[kind]?.readyState !== "live";
  }

  looks.watch(() => room?.looksChanged());
  document.addEventListener("visibilitychange", () => room?.looksChanged());
  watchMoves(hasMoved);

  function hasMoved(): void {
    moved = true;
    meeting.hurry();
    if (room && complete && meeting.connection === "joined") void moveOn(room);
  }

  /** Over a connection that the move has cut this fails; whoever comes back by another one then does it. */
  async function moveOn(here: MediaRoom): Promise<void> {
    if (await here.moveOn()) moved = false;
  }

  let started = false;
  meeting.useHooks({
    joined: (answer) => {
      void start(answer, started);
      started = true;
    },
    notified: (method: string, params: Params) => {
      if (method === "media.newConsumer") {
        const offer = params as unknown as NewConsumer;
        if (room && complete) room.consume(offer);
        else waiting.push(offer);
      } else if (method === "media.reset") {
        void rebuild();
      } else if (method === "media.consumerClosed") {
        room?.closeConsumer(String(params.id));
      } else if (method === "media.layers") {
        void room?.sendLayers(String(params.id), params.layers as number[]);
      } else if (method === "media.producerClosed") {
        if (room?.producerClosed(String(params.id)) === "screen") endScreen("replaced");
      }
    },
    changed: (before, after) => {
      if (after.meeting.state === "ended" || after.you.phase === "finished") {
        if (before.you.phase !== "finished" || before.meeting.state !== "ended") stop();
        return;
      }
      if (after.you.phase !== "room") void hideScreen();
      if (after.meeting.state === "paused") hold();
      else if (before.meeting.state === "paused") void release();
    },
    over: () => {
      started = false;
      stop();
    },
  });

  return {
    tracks, on, problems: own.problems, choice: own.choice, devices: own.devices, asking: own.asking,
    swapped: own.swapped, level: own.level, flat: own.flat,
    received, state, needsTap, held, soundHere, link, slow, ill, screen, screenEnd,
    preference: ear.preference, underSlider: ear.underSlider, roomVolume: ear.roomVolume, lowered: ear.lowered,
    volumes: ear.volumes,
    hasJustSpoken, coughing, cough, open, tryOut, toggle, choose, setSoundHere, showScreen, hideScreen, hold, release, pauseMeeting,
    wake, underWay, chime: () => mixer.chime(), trackOf, stats, stop,
  };
});
