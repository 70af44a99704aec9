/** What goes on for the newcomer, which decides what is seen and what can be pressed. */
import { computed } from "vue";
import { useMedia } from "./media";
import { useStage } from "./stage";

export type Scene = "paused" | "consent" | "talking" | "finished" | "between" | "alone";

export function useScene() {
  const media = useMedia();
  const { meeting, station, paused, question, listeners } = useStage();

  return computed<Scene>(() => {
    if (paused.value || media.held) return "paused";
    if (question.value) return "consent";
    if (station.value) return "talking";
    if (meeting.stations.length && !meeting.nextStation) return "finished";
    const begun = meeting.stations.some((one) => one.started_at);
    return begun || listeners.value.length ? "between" : "alone";
  });
}
