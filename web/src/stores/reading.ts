/** How somebody wants to read and see: large text, the sign language interpreter's picture. Remembered for one person at a time. */
import { defineStore } from "pinia";
import { computed, ref, watch } from "vue";
import { useMeeting } from "./meeting";

const REMEMBERED = "motesrum-reading";

interface Wishes {
  captions: boolean | null;
  sign: boolean | null;
}

const NONE: Wishes = { captions: null, sign: null };

function remembered(participant: string): Wishes {
  try {
    const kept = JSON.parse(localStorage.getItem(REMEMBERED) ?? "null") as (Wishes & { participant: string }) | null;
    if (kept?.participant === participant) return { captions: kept.captions, sign: kept.sign };
  } catch {
    // Kept by something else, or not at all.
  }
  return NONE;
}

export const useReading = defineStore("reading", () => {
  const meeting = useMeeting();
  const participant = computed(() => meeting.you?.participant ?? "");
  const wishes = ref<Wishes>(NONE);
  watch(participant, (now) => (wishes.value = now ? remembered(now) : NONE), { immediate: true });

  function wish(change: Partial<Wishes>): void {
    wishes.value = { ...wishes.value, ...change };
    try {
      localStorage.setItem(REMEMBERED, JSON.stringify({ participant: participant.value, ...wishes.value }));
    } catch {
      // Where nothing can be kept it holds until the page is left.
    }
  }

  const forNewcomer = computed(() => meeting.you?.role === "newcomer");
  /** The newcomer sees all text large; the others what is written to them, until they say otherwise. */
  const captions = computed(() => wishes.value.captions ?? (forNewcomer.value ? "all" : "direct"));
  const shows = (kind: string | null) => captions.value === true || captions.value === "all" || (captions.value === "direct" && kind !== "text");

  const large = computed({ get: () => captions.value === true || captions.value === "all", set: (on) => wish({ captions: on }) });

  const signer = computed(() => meeting.inRoom.find((person) => person.kind === "sign" && person.id !== participant.value) ?? null);
  const sign = computed({ get: () => wishes.value.sign ?? forNewcomer.value, set: (on) => wish({ sign: on }) });
  /** The sign language interpreter whose picture has its own place on this page. */
  const pinned = computed(() => (sign.value ? signer.value : null));

  return { large, shows, signer, sign, pinned };
});
