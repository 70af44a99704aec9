/** The running clock of this device. */
import { defineStore } from "pinia";
import { onScopeDispose, ref } from "vue";

export const useTick = defineStore("tick", () => {
  const now = ref(Date.now());
  const timer = setInterval(() => (now.value = Date.now()), 1000);
  onScopeDispose(() => clearInterval(timer));
  return { now };
});
