/** This device's own camera and microphone: opened, changed, unplugged and found again. */
import { reactive, ref, shallowReactive, shallowRef, watch } from "vue";
import { soundAs } from "../media/audible";
import {
  type DeviceChoice, type DeviceKind, type DeviceList, type DeviceProblem,
  listDevices, openDevices, pictureSize, rememberChoice, rememberedChoice,
} from "../media/devices";
import { watchLevel } from "../media/mixer";
import { SilenceWatch } from "../media/silence";

/** An answer that was given before comes sooner than this; later there is a question on the screen (ms). */
const QUESTION_SHOWN = 600;

export interface DeviceHooks {
  plainSound: () => boolean;
  /** Another track than before, for the same purpose. */
  changed: (kind: DeviceKind) => void;
}

export function ownDevices(hooks: DeviceHooks) {
  const tracks = shallowReactive<Record<DeviceKind, MediaStreamTrack | null>>({ microphone: null, camera: null });
  const problems = reactive<Partial<Record<DeviceKind, DeviceProblem>>>({});
  const on = reactive<Record<DeviceKind, boolean>>({ microphone: true, camera: true });
  const choice = reactive<DeviceChoice>(rememberedChoice());
  const devices = shallowRef<DeviceList>({ microphones: [], cameras: [], speakers: [] });
  /** The browser's question stands on the screen and waits for an answer. */
  const asking = ref(false);
  /** Name of the device that has taken the place of one that went away, by kind. */
  const swapped = reactive<Partial<Record<DeviceKind, string>>>({});
  /** How loud the own microphone is, 0 to 1; null while nothing is measured. */
  const level = ref<number | null>(null);
  /** The microphone is on and gives nothing. */
  const flat = ref(false);

  const silence = new SilenceWatch();
  let stopMeter: (() => void) | null = null;

  async function asked<Result>(work: Promise<Result>): Promise<Result> {
    const timer = setTimeout(() => (asking.value = true), QUESTION_SHOWN);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
      asking.value = false;
    }
  }

  async function open(wanted: Record<DeviceKind, boolean>): Promise<void> {
    const size = pictureSize(window.location.search);
    if (wanted.microphone) soundAs(true);
    const opened = await asked(openDevices({ ...wanted, plainSound: hooks.plainSound() }, choice, size));
    for (const kind of ["microphone", "camera"] as const) {
      if (!wanted[kind]) continue;
      problems[kind] = opened.problems[kind];
      // What works goes on when the newly chosen one does not.
      if (opened[kind] || tracks[kind]?.readyState !== "live") replace(kind, opened[kind]);
    }
    await refresh();
  }

  async function refresh(): Promise<void> {
    devices.value = await listDevices().catch(() => devices.value);
  }

  function replace(kind: DeviceKind, track: MediaStreamTrack | null): void {
    tracks[kind]?.stop();
    tracks[kind] = track;
    if (kind === "microphone") soundAs(track !== null);
    track?.addEventListener("ended", () => {
      if (tracks[kind] === track) void unplugged(kind);
    });
  }

  async function unplugged(kind: DeviceKind): Promise<void> {
    tracks[kind] = null;
    problems[kind] = "missing";
    await findAnother(kind);
  }

  async function findAnother(kind: DeviceKind): Promise<void> {
    await open({ microphone: kind === "microphone", camera: kind === "camera" });
    const found = tracks[kind];
    if (!found) return;
    swapped[kind] = found.label;
    hooks.changed(kind);
  }

  async function plugged(): Promise<void> {
    await refresh();
    const there = { microphone: devices.value.microphones.length > 0, camera: devices.value.cameras.length > 0 };
    for (const kind of ["microphone", "camera"] as const) {
      if (on[kind] && !tracks[kind] && problems[kind] === "missing" && there[kind]) await findAnother(kind);
    }
  }

  function choose(kind: DeviceKind | "speaker", id: string): void {
    choice[kind] = id;
    if (kind !== "speaker") delete swapped[kind];
    rememberChoice({ ...choice });
  }

  function measure(track: MediaStreamTrack | null): void {
    stopMeter?.();
    stopMeter = null;
    level.value = null;
    flat.value = false;
    silence.reset();
    if (!track || typeof AudioContext === "undefined") return;
    stopMeter = watchLevel(track, (loudness) => {
      level.value = track.enabled ? loudness : null;
      flat.value = silence.flat(level.value, performance.now());
    });
  }

  soundAs(false);
  watch(() => tracks.microphone, measure);
  navigator.mediaDevices?.addEventListener?.("devicechange", () => void plugged());

  return { tracks, problems, on, choice, devices, asking, swapped, level, flat, open, replace, choose };
}
