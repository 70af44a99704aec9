/** Is the page narrower than so many pixels? For what a style sheet alone cannot rearrange. */
import { onScopeDispose, type Ref, ref } from "vue";

export function useNarrow(pixels: number): Ref<boolean> {
  const query = window.matchMedia(`(max-width: ${pixels}px)`);
  const narrow = ref(query.matches);
  const note = () => (narrow.value = query.matches);
  query.addEventListener("change", note);
  onScopeDispose(() => query.removeEventListener("change", note));
  return narrow;
}
