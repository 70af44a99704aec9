/** One test of the connection from beginning to end, and what it has found so far. */
import { computed, reactive, ref } from "vue";
import { request } from "../stores/api";
import { measureLine, tryWebSocket } from "./line";
import { type Begun, type Found, tryWay, type Way, WAYS } from "./paths";
import { NEEDED, verdict } from "./verdict";

export type Part = "device" | "socket" | Way | "down" | "up";
export const PARTS: readonly Part[] = ["device", "socket", ...WAYS, "down", "up"];

/** `word` is a text of `connection.state`; `fine` says whether it is good for a meeting. */
export interface Result {
  word: Found["state"] | "noCamera" | "noMicrophone" | "noDevice" | "slow";
  fine: boolean;
  target: string;
  ms?: number;
  mbit?: number;
}

/** Asks for both, so that the browser asks its person once; what is missing is looked for by itself. */
async function tryDevices(): Promise<Result> {
  const works = async (wanted: MediaStreamConstraints) => {
    try {
      for (const track of (await navigator.mediaDevices.getUserMedia(wanted)).getTracks()) track.stop();
      return true;
    } catch {
      return false;
    }
  };
  if (await works({ audio: true, video: true })) return { word: "open", fine: true, target: "" };
  const microphone = await works({ audio: true });
  const camera = !microphone && (await works({ video: true }));
  return { word: microphone ? "noCamera" : camera ? "noMicrophone" : "noDevice", fine: false, target: "" };
}

const FAILED: Found = { state: "failed", target: "", ms: null };

export function connectionTest() {
  const results = reactive(new Map<Part, Result>());
  const ways = reactive<Partial<Record<Way, Found>>>({});
  const socket = ref<Found>();
  const speed = ref<{ down: number; up: number } | null>(null);
  const state = ref<"new" | "running" | "done">("new");
  const at = ref(0);
  const from = ref("");

  function note(part: Part, { state: word, target, ms }: Found): void {
    results.set(part, { word, fine: word === "open", target, ...(ms === null ? {} : { ms }) });
  }

  async function way(one: Way): Promise<void> {
    const found = await request<Begun>("POST", "/connection-test").then((begun) => {
      from.value = begun.address;
      return tryWay(one, begun);
    }).catch(() => FAILED);
    ways[one] = found;
    note(one, found);
  }

  async function line(): Promise<void> {
    try {
      speed.value = await measureLine();
      for (const part of ["down", "up"] as const) {
        const fine = speed.value[part] >= NEEDED;
        results.set(part, { word: fine ? "open" : "slow", fine, target: "", mbit: speed.value[part] });
      }
    } catch {
      for (const part of ["down", "up"] as const) results.set(part, { word: "failed", fine: false, target: "" });
    }
  }

  /** The speed first, while nothing else is on the line. */
  async function start(): Promise<void> {
    results.clear();
    for (const one of WAYS) delete ways[one];
    socket.value = undefined;
    speed.value = null;
    state.value = "running";
    results.set("device", await tryDevices());
    socket.value = await tryWebSocket();
    note("socket", socket.value);
    await line();
    await Promise.all(WAYS.map(way));
    at.value = Date.now();
    state.value = "done";
  }

  const means = computed(() => (state.value === "done" ? verdict(socket.value, ways, speed.value, results.get("device")?.fine === true) : null));
  return { results, state, at, from, means, start };
}
