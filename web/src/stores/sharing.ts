/** Showing a window or a document to those in the room, and who shows something now. */
import { defineStore } from "pinia";
import { computed, reactive, ref, shallowRef, watch } from "vue";
import { type Point, moved, type Size, type View, WHOLE, zoomed } from "../media/board";
import { DocumentError, type DocumentProblem, openDocument } from "../media/document";
import { DocumentShow } from "../media/show";
import { useMedia } from "./media";
import { useMeeting } from "./meeting";

export type ShareProblem = DocumentProblem | "refused";

/** Phones can show a document, no window. */
export const canShowWindow = () => navigator.mediaDevices !== undefined && "getDisplayMedia" in navigator.mediaDevices;

export const useSharing = defineStore("sharing", () => {
  const meeting = useMeeting();
  const media = useMedia();

  const show = shallowRef<DocumentShow | null>(null);
  const opening = ref(false);
  const problem = ref<ShareProblem | null>(null);
  const at = reactive<{ page: number; view: View; size: Size }>({ page: 1, view: WHOLE, size: { width: 1, height: 1 } });

  /** What this device shows. */
  const kind = computed(() => (media.screen ? (show.value ? "document" : "window") : null));
  /** What somebody else shows: the newest, if there should be several. */
  const shown = computed(() => [...media.received.values()].filter((one) => one.source === "screen").at(-1) ?? null);
  const shower = computed(() => (shown.value ? (meeting.person(shown.value.participant) ?? null) : null));

  async function showWindow(): Promise<void> {
    problem.value = null;
    let track: MediaStreamTrack;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 5 } }, audio: false });
      track = stream.getVideoTracks()[0];
    } catch {
      problem.value = "refused";
      return;
    }
    track.contentHint = "text";
    await media.showScreen(track);
  }

  async function showDocument(file: File): Promise<void> {
    problem.value = null;
    opening.value = true;
    let made: DocumentShow | null = null;
    try {
      made = new DocumentShow(await openDocument(file));
      const first = await made.look(1);
      if (first) Object.assign(at, { page: 1, ...first });
      made.track.contentHint = "text";
    } catch (error) {
      problem.value = error instanceof DocumentError ? error.problem : "unreadable";
      made?.close();
      return;
    } finally {
      opening.value = false;
    }
    close();
    show.value = made;
    await media.showScreen(made.track);
    if (media.screen !== made.track) close();
  }

  async function look(page: number, view: View): Promise<void> {
    const wanted = Math.min(show.value?.document.pages ?? 1, Math.max(1, page));
    const seen = await show.value?.look(wanted, view);
    if (seen) Object.assign(at, { page: wanted, ...seen });
  }

  const turn = (by: number) => look(at.page + by, WHOLE);
  const zoom = (steps: number) => look(at.page, zoomed(at.view, steps));
  const move = (by: Point) => look(at.page, moved(at.view, by, at.size));
  const point = (where: Point | null) => show.value?.point(where);

  function close(): void {
    show.value?.close();
    show.value = null;
  }

  watch(() => media.screen, (track) => {
    if (show.value && show.value.track !== track) close();
  });

  return {
    show, opening, problem, at, kind, shown, shower,
    showWindow, showDocument, turn, zoom, move, point, stop: media.hideScreen,
  };
});
