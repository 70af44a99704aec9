/** Texts read aloud by the browser, only where it has a voice of the text's own language. */
import { computed, onBeforeUnmount, ref, type Ref } from "vue";

export interface Voice {
  lang: string;
  localService: boolean;
}

/** A voice of the language, one of this device first: what is asked of a newcomer is nobody else's to hear. */
export function voiceFor<Known extends Voice>(voices: readonly Known[], language: string): Known | null {
  const fitting = voices.filter((voice) => voice.lang.toLowerCase().split(/[-_]/)[0] === language && voice.localService);
  return fitting[0] ?? null;
}

export function useReadAloud(language: Ref<string>) {
  const synthesis = typeof window !== "undefined" && "speechSynthesis" in window ? window.speechSynthesis : null;
  const voices = ref<SpeechSynthesisVoice[]>([]);
  const reading = ref(false);
  const known = () => (voices.value = synthesis?.getVoices() ?? []);
  known();
  synthesis?.addEventListener?.("voiceschanged", known);

  const voice = computed(() => voiceFor(voices.value, language.value));

  function read(texts: string[]): void {
    if (!synthesis || !voice.value) return;
    synthesis.cancel();
    const said = new SpeechSynthesisUtterance(texts.join("\n"));
    said.voice = voice.value;
    said.lang = voice.value.lang;
    said.rate = 0.9;
    said.onend = said.onerror = () => (reading.value = false);
    reading.value = true;
    synthesis.speak(said);
  }

  function stop(): void {
    reading.value = false;
    synthesis?.cancel();
  }

  onBeforeUnmount(() => {
    stop();
    synthesis?.removeEventListener?.("voiceschanged", known);
  });

  return { canRead: computed(() => voice.value !== null), reading, read, stop };
}
