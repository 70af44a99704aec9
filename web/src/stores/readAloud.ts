/** Texts read aloud by the browser, only where it has a voice of the text's own language. */
import { computed, onBeforeUnmount, ref, type Ref } from "vue";

export interface Voice {
  lang: string;
  localService: boolean;
}

/** A voice of the language, one of this device only: what is asked of a newcomer is nobody else's to hear. */
export function voiceFor<Known extends Voice>(voices: readonly Known[], language: string): Known | null {
  const fitting = voices.filter((voice) => voice.lang.toLowerCase().split(/[-_]/)[0] === language && voice.localService);
  return fitting[0] ?? null;
}

export function useReadAloud(language: Ref<string>) {
  const synthesis = typeof window !== "undefined" && "speechSynthesis" in window ? window.speechSynthesis : null;
  const voices = ref<SpeechSynthesisVoice[]>([]);
  const reading = ref(false);
  /** What is being read. Held here: a browser forgets an utterance that nobody holds, and never says that it has ended. */
  let utterances: SpeechSynthesisUtterance[] = [];

  const known = () => (voices.value = synthesis?.getVoices() ?? []);
  known();
  synthesis?.addEventListener?.("voiceschanged", known);

  const voice = computed(() => voiceFor(voices.value, language.value));

  function read(texts: readonly string[]): void {
    if (!synthesis || !voice.value) return;
    stop();
    const begun = texts.map((text) => utterance(text, voice.value!));
    // What was cut off tells so late, when something else may be read already.
    const over = () => utterances === begun && stop();
    for (const one of begun) one.onerror = over;
    begun.at(-1)!.onend = over;
    utterances = begun;
    reading.value = true;
    for (const one of begun) synthesis.speak(one);
  }

  function stop(): void {
    if (!reading.value) return;
    utterances = [];
    reading.value = false;
    synthesis?.cancel();
  }

  // A browser reads on after its page has gone.
  if (synthesis) window.addEventListener("pagehide", stop);
  onBeforeUnmount(() => {
    stop();
    if (synthesis) window.removeEventListener("pagehide", stop);
    synthesis?.removeEventListener?.("voiceschanged", known);
  });

  return { canRead: computed(() => voice.value !== null), reading, read, stop };
}

function utterance(text: string, voice: SpeechSynthesisVoice): SpeechSynthesisUtterance {
  const said = new SpeechSynthesisUtterance(text);
  said.voice = voice;
  said.lang = voice.lang;
  said.rate = 0.9;
  return said;
}
