/** Where the keyboard goes when the element that had the focus is gone. */
import { nextTick, type Ref, watch } from "vue";

/** When `state` changes and took the focused element away, the first of `within` that can have it gets it. */
export function useKeptFocus(state: Ref<unknown>, within: string): void {
  let had = false;
  watch(state, () => (had = document.activeElement !== null && document.activeElement !== document.body), { flush: "pre" });
  watch(
    state,
    () =>
      nextTick(() => {
        if (!had || (document.activeElement && document.activeElement !== document.body)) return;
        document.querySelector<HTMLElement>(`${within} button:not(:disabled)`)?.focus();
      }),
    { flush: "post" },
  );
}
