/** Two minutes before it begins: a sound, the page's title, and a sentence. */
import { onScopeDispose, type Ref, ref, watch } from "vue";

const BEFORE = 2 * 60_000;

/** `expected` in milliseconds; `told` is called once for each time that comes near. */
export function useTwoMinuteSignal(expected: Ref<number | null>, now: Ref<number>, told: () => void) {
  const near = ref(false);
  watch(
    [expected, now],
    () => {
      const soon = expected.value !== null && expected.value - now.value <= BEFORE;
      if (soon && !near.value) told();
      near.value = soon;
    },
    { immediate: true },
  );
  return near;
}

/** Another title for as long as `title` says one. */
export function useTitle(title: Ref<string | null>): void {
  const usual = document.title;
  watch(title, (wanted) => (document.title = wanted ?? usual), { immediate: true });
  onScopeDispose(() => (document.title = usual));
}
