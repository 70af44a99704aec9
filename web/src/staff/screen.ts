/** The life of a screen at an office: paired by a code, started by a press, then it does what the service says. */
import { computed, onScopeDispose, ref, shallowRef, watch } from "vue";
import { ApiError, askScreen, beginPairing, openOnScreen } from "../stores/api";
import { byLink } from "../stores/entry";
import { useMedia } from "../stores/media";
import { useMeeting } from "../stores/meeting";
import { usePage } from "../stores/page";
import type { ScreenCode, ScreenTask } from "../wire";

/** At most one question in this many milliseconds, and one when something failed. */
const PACE = 1_000;
const AFTER_FAILURE = 3_000;
/** So long the goodbye of a meeting stays. */
const FAREWELL = 20_000;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export function useScreen() {
  const meeting = useMeeting();
  const media = useMedia();
  const page = usePage();
  const task = shallowRef<ScreenTask | null>(null);
  const code = shallowRef<ScreenCode | null>(null);
  const lost = ref(false);
  /** Somebody has pressed the button that lets the page make sound. */
  const started = ref(false);
  const inside = ref(false);
  let gone = false;
  let farewell: ReturnType<typeof setTimeout> | undefined;
  /** The version of the task that the meeting was opened for. */
  let opened: number | null = null;
  let known: number | null = null;

  const state = computed(() => {
    if (inside.value) return "inside";
    if (!task.value) return "loading";
    if (task.value.state === "unpaired") return "unpaired";
    return started.value ? "idle" : "waiting";
  });

  async function live(): Promise<void> {
    while (!gone) {
      const began = Date.now();
      try {
        await follow(await askScreen(known));
        lost.value = false;
        await pause(Math.max(0, PACE - (Date.now() - began)));
      } catch (error) {
        known = null;
        if (error instanceof ApiError && error.code === "screen_missing") await pairAnew();
        else lost.value = true;
        await pause(AFTER_FAILURE);
      }
    }
  }

  async function follow(next: ScreenTask): Promise<void> {
    if (gone) return;
    task.value = next;
    known = next.version;
    if (next.state === "unpaired") {
      closeMeeting();
      if (!code.value || Date.parse(code.value.expires_at) <= Date.now() + meeting.clockOffset) await pairAnew();
      return;
    }
    code.value = null;
    if (next.state === "idle" || (opened !== null && opened !== next.version)) leaveUnlessGoodbye(next.state);
    if (next.state === "meeting" && started.value && opened !== next.version) await open();
  }

  async function pairAnew(): Promise<void> {
    try {
      code.value = await beginPairing();
      task.value ??= { state: "unpaired", version: 0, name: null, site_name: null };
      known = 0;
    } catch {
      lost.value = true;
    }
  }

  async function open(): Promise<void> {
    clearTimeout(farewell);
    const version = task.value!.version;
    opened = version;
    try {
      const { code: link } = await openOnScreen();
      await meeting.join(byLink(link));
      await page.settled();
      inside.value = true;
    } catch (error) {
      opened = null;
      inside.value = false;
      throw error;
    }
  }

  function leaveUnlessGoodbye(next: ScreenTask["state"]): void {
    if (next === "idle" && inside.value && meeting.ending === "meeting_ended") return;
    closeMeeting();
  }

  function closeMeeting(): void {
    clearTimeout(farewell);
    opened = null;
    if (!inside.value) return;
    inside.value = false;
    meeting.leave();
    page.forget();
  }

  watch(
    () => meeting.ending,
    (ending) => {
      if (!inside.value || !ending || ending === "replaced") return;
      if (ending === "meeting_ended") farewell = setTimeout(closeMeeting, FAREWELL);
      else closeMeeting();
    },
  );

  /** The press that lets the page make sound, once after the page has been loaded. */
  async function start(): Promise<void> {
    started.value = true;
    void media.wake();
    if (task.value?.state === "meeting") await again();
  }

  /** Opens what is to be shown once more. */
  async function again(): Promise<void> {
    await open().catch(() => {
      lost.value = true;
      known = null;
    });
  }

  onScopeDispose(() => {
    gone = true;
    closeMeeting();
  });
  void live();
  return { state, task, code, lost, start, again };
}
