/** How this person listens: interpretation or the original, and how loud the one is under the other. */
import { computed, ref, shallowReactive, watch } from "vue";
import {
  type Ear, fromSlider, LOWERED, loudnessOf, Lowering, overTheFloor, type Preference, RAMP, toSlider,
} from "../media/interpretation";
import type { Mixer } from "../media/mixer";
import type { Received } from "../media/room";
import type { Interpreting } from "../wire";
import type { useMeeting } from "./meeting";

const EVERY = 25; // ms
const SILENT: Interpreting = { language: "sv", heard: null, floor: [], interpreters: [], listeners: [], handover: null, terms: [] };

export function listening(meeting: ReturnType<typeof useMeeting>, mixer: Mixer, received: ReadonlyMap<string, Received>) {
  const preference = ref<Preference>("interpretation");
  /** Loudness of the floor under interpretation, linear. */
  const under = ref(LOWERED);
  /** Loudness of what is said in the room, 0 to 1; interpretation is always heard as it was sent. */
  const roomVolume = ref(1);
  /** The floor is lowered now. */
  const lowered = ref(false);
  const lowering = new Lowering();
  /** Extra loudness by participant, 0 to 1: what somebody has turned down for themselves. */
  const volumes = shallowReactive(new Map<string, number>());

  const ear = computed<Ear>(() => ({
    role: meeting.you?.role ?? "newcomer",
    interpreting: meeting.snapshot?.interpreting ?? SILENT,
    preference: preference.value,
    under: under.value,
    floor: roomVolume.value,
  }));
  const over = computed(() => overTheFloor(ear.value));
  const underSlider = computed({ get: () => toSlider(under.value), set: (place: number) => (under.value = fromSlider(place)) });

  function loudness(voice: Received): number {
    return loudnessOf(voice, ear.value, lowered.value) * (volumes.get(voice.participant) ?? 1);
  }

  function apply(ramp: number): void {
    for (const voice of received.values()) if (voice.track.kind === "audio") mixer.setGain(voice.id, loudness(voice), ramp);
  }

  function heardLevel(): number {
    for (const voice of received.values()) {
      if (voice.source === "interpretation" && voice.participant === over.value?.participant) return mixer.level(voice.id);
    }
    return 0;
  }

  function look(): void {
    const now = lowering.note(over.value, heardLevel(), performance.now());
    if (now === lowered.value) return;
    lowered.value = now;
    apply(now ? RAMP.lower : RAMP.lift);
  }

  let timer: ReturnType<typeof setInterval> | null = null;
  watch(
    () => over.value !== null,
    (watching) => {
      if (timer) clearInterval(timer);
      timer = watching ? setInterval(look, EVERY) : null;
      look();
    },
  );
  watch(ear, () => apply(RAMP.switch), { flush: "sync" });
  watch(volumes, () => apply(RAMP.switch));

  return { preference, under, underSlider, roomVolume, lowered, volumes, loudness };
}
