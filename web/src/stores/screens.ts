/** The screens at the offices of whoever is signed in. */
import { defineStore } from "pinia";
import { ref, shallowRef } from "vue";
import type { Screen } from "../wire";
import { isStaffTab } from "./staff";
import { ApiError, forgetScreen, pairScreen, screens, showOnScreen } from "./api";

export const useScreens = defineStore("screens", () => {
  const list = shallowRef<Screen[]>([]);
  /** Stable code of what was refused last, or null. */
  const problem = ref<string | null>(null);

  /** Only those who are signed in as staff in this tab have any. */
  async function load(): Promise<void> {
    list.value = isStaffTab() ? await screens().catch(() => []) : [];
  }

  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    problem.value = null;
    try {
      await work();
      return true;
    } catch (error) {
      problem.value = error instanceof ApiError ? error.code : "other";
      return false;
    } finally {
      await load();
    }
  }

  const pair = (code: string, name: string, site: string) => attempt(() => pairScreen(code, name, site));
  const show = (screen: Screen, meeting: string | null) => attempt(() => showOnScreen(screen.id, meeting));
  const forget = (screen: Screen) => attempt(() => forgetScreen(screen.id));

  return { list, problem, load, pair, show, forget };
});
