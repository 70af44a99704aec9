/** Where the keyboard goes when the element that had the focus is gone. */
import { nextTick, type Ref, watch } from "vue";

/** A page that is fetched first is waited for this long (ms). */
const PATIENCE = 3_000;

const lost = () => document.activeElement === null || document.activeElement === document.body;

/** When `state` changes and took the focused element away, the first wish that is there gets it; a heading can have it too. */
export function useKeptFocus(state: Ref<unknown>, ...wanted: string[]): void {
  let had = false;
  watch(state, () => (had = !lost()), { flush: "pre" });
  watch(state, () => nextTick(() => had && focusOn(wanted)), { flush: "post" });
}

/** Gives the focus to the first wish that is met, as soon as one is, unless something else has got it meanwhile. */
export function focusOn(wanted: string[], until = performance.now() + PATIENCE): void {
  if (!lost()) return;
  const found = wanted.map((each) => document.querySelector<HTMLElement>(each)).find((each) => each !== null);
  if (!found) {
    if (performance.now() < until) requestAnimationFrame(() => focusOn(wanted, until));
    return;
  }
  if (found.tabIndex < 0) found.tabIndex = -1;
  found.focus({ preventScroll: true });
}
