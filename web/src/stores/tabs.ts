/** Tabs of this browser that show the same link: the one that joins last has the meeting. */
import { onBeforeUnmount, ref } from "vue";

const CHANNEL = "motesrum-tabs";

export function useOtherTabs(code: string) {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;
  /** Another tab here has joined since we did. */
  const overtaken = ref(false);

  if (channel) channel.onmessage = (event) => (overtaken.value = overtaken.value || (code !== "" && event.data === code));
  onBeforeUnmount(() => channel?.close());

  function joined(): void {
    overtaken.value = false;
    if (code) channel?.postMessage(code);
  }

  return { overtaken, joined };
}
