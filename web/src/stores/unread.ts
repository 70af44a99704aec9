/** Messages that came while their line was not on the screen. */
import { computed, reactive, type Ref, watch } from "vue";
import { useMeeting } from "./meeting";

/** `open` is the line that is read now: a participant, null for the room, undefined for none. */
export function useUnread(open: Ref<string | null | undefined>) {
  const meeting = useMeeting();
  const messages = computed(() => meeting.snapshot?.messages ?? []);
  const read = reactive(new Set(messages.value.map((message) => message.id)));

  watch(
    [messages, open],
    () => {
      for (const message of messages.value) {
        if (message.line === open.value || message.sender === meeting.you?.participant) read.add(message.id);
      }
    },
    { immediate: true },
  );

  return computed(() => messages.value.filter((message) => !read.has(message.id)));
}
