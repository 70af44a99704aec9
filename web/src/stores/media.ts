/** This device's camera and microphone, and the pictures and voices that come from the others. */
import { defineStore } from "pinia";
import { computed, reactive, ref, shallowReactive, shallowRef } from "vue";
import { type DeviceChoice, type DeviceKind, type DeviceProblem, listDevices, openDevices, pictureSize } from "../media/devices";
import type { DeviceList } from "../media/devices";
import { Mixer } from "../media/mixer";
import { type ConsumerStats, MediaRoom, type MediaState, type Received } from "../media/room";
import type { Params } from "../media/rpc";
import type { Joined, NewConsumer, Snapshot, Source } from "../wire";
import { useMeeting } from "./meeting";

const REBUILD_DELAY = 1_000;

export const useMedia = defineStore("media", () => {
  const meeting = useMeeting();

  const tracks = shallowReactive<Record<DeviceKind, MediaStreamTrack | null>>({ microphone: null, camera: null });
  const problems = reactive<Partial<Record<DeviceKind, DeviceProblem>>>({});
  const on = reactive<Record<DeviceKind, boolean>>({ microphone: true, camera: true });
  const choice = reactive<DeviceChoice>({});
  const devices = shallowRef<DeviceList>({ microphones: [], cameras: [], speakers: [] });
  const received = shallowReactive(new Map<string, Received>());
  const state = ref<MediaState>("new");
  const needsTap = ref(false);
  /** Everything of ours is cut off the wire: the meeting is paused, or this person has just paused it. */
  const held = ref(false);
  /** Somebody in the same physical room carries the sound (design, "same room, one sound"). */
  const soundHere = ref(true);

  const mixer = new Mixer((waiting) => (needsTap.value = waiting));
  let room: MediaRoom | null = null;
  /** `room` receives already; before that a resume begins anew. */
  let complete = false;
  let moved = false;
  let joined: Joined | null = null;
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

  async function open(wanted: Record<DeviceKind, boolean>): Promise<void> {
    const plainSound = meeting.you?.role === "interpreter";
    const opened = await openDevices({ ...wanted, plainSound }, choice, pictureSize(window.location.search));
    for (const kind of ["microphone", "camera"] as const) {
      if (!wanted[kind]) continue;
      replace(kind, opened[kind]);
      problems[kind] = opened.problems[kind];
    }
    devices.value = await listDevices().catch(() => devices.value);
  }

  function replace(kind: DeviceKind, track: MediaStreamTrack | null): void {
    tracks[kind]?.stop();
    tracks[kind] = track;
    track?.addEventListener("ended", () => {
      if (tracks[kind] !== track) return;
      tracks[kind] = null;
      problems[kind] = "missing";
    });
  }

  /** One after the other, so that no source is ever produced twice. */
  function publish(kind: DeviceKind): Promise<void> {
    publishing = publishing.then(() => publishNow(kind)).catch((error) => {
      console.warn("Media:", error instanceof Error ? error.message : error);
    });
    return publishing;
  }

  async function publishNow(kind: DeviceKind): Promise<void> {
    const track = tracks[kind];
    if (!room || !track || !on[kind] || held.value || meeting.you?.phase === "finished") return;
    await room.publish(sourceOf(kind), track);
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

  async function choose(kind: DeviceKind, id: string): Promise<void> {
    choice[kind] = id;
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
  }

  async function release(): Promise<void> {
    if (!held.value) return;
    held.value = false;
    const wanted = { microphone: on.microphone, camera: on.camera };
    if (wanted.microphone || wanted.camera) await open(wanted);
    await Promise.all([publish("microphone"), publish("camera")]);
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

  async function build(): Promise<void> {
    if (!joined) return;
    const turn = ++building;
    room?.close();
    room = null;
    complete = false;
    waiting.length = 0;
    const { router_rtp_capabilities: capabilities, ice_servers: servers } = joined;
    const created = await MediaRoom.open(capabilities, servers ?? [], meeting.call, {
      received: (track) => arrived(track),
      gone: (id) => left(id),
      state: (next) => (state.value = next),
      failed: rebuildSoon,
    });
    if (turn !== building) {
      created.close();
      return;
    }
    room = created;
    await created.listen();
    if (turn !== building) return;
    complete = true;
    for (const offer of waiting.splice(0)) created.consume(offer);
    await Promise.all([publish("microphone"), publish("camera")]);
  }

  /** Offers that come while the receiving side is being made. */
  const waiting: NewConsumer[] = [];

  function rebuildSoon(): void {
    if (rebuildTimer || meeting.connection !== "joined") return;
    rebuildTimer = setTimeout(() => {
      rebuildTimer = null;
      rebuild();
    }, REBUILD_DELAY);
  }

  function rebuild(): void {
    build().catch((error) => {
      console.warn("Media:", error instanceof Error ? error.message : error);
      rebuildSoon();
    });
  }

  function arrived(track: Received): void {
    received.set(track.id, track);
    if (track.track.kind === "audio") mixer.add(track.id, track.track);
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

  /** Call from a click. */
  function wake(): Promise<void> {
    return mixer.wake();
  }

  function stop(): void {
    building += 1;
    joined = null;
    room?.close();
    room = null;
    replace("microphone", null);
    replace("camera", null);
    mixer.close();
    state.value = "new";
    held.value = false;
  }

  async function start(answer: Joined, again: boolean): Promise<void> {
    joined = answer;
    if (!again) {
      const silent = startsSilent(answer.snapshot);
      soundHere.value = !silent;
      mixer.setSilent(silent);
      on.microphone = !silent && answer.snapshot.you.role !== "attendee";
      on.camera = !silent && answer.snapshot.you.role !== "attendee";
      held.value = answer.snapshot.meeting.state === "paused";
    }
    if (again && room && complete) {
      const changed = moved;
      moved = false;
      await room.comeBack(answer.media, changed);
      await Promise.all([publish("microphone"), publish("camera")]);
      return;
    }
    rebuild();
    if (again || held.value || !(on.microphone || on.camera)) return;
    await open({ microphone: on.microphone, camera: on.camera });
    await Promise.all([publish("microphone"), publish("camera")]);
  }

  window.addEventListener("offline", () => (moved = true));

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
        rebuild();
      } else if (method === "media.consumerClosed") {
        room?.closeConsumer(String(params.id));
      }
    },
    changed: (before, after) => {
      if (after.meeting.state === "ended" || after.you.phase === "finished") {
        if (before.you.phase !== "finished" || before.meeting.state !== "ended") stop();
      } else if (after.meeting.state === "paused") hold();
      else if (before.meeting.state === "paused") void release();
    },
    over: () => {
      started = false;
      stop();
    },
  });

  return {
    tracks, problems, on, choice, devices, received, state, needsTap, held, soundHere,
    open, toggle, choose, setSoundHere, hold, release, pauseMeeting, wake, trackOf, stats, stop,
  };
});
