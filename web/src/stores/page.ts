/** The page itself: its language, the running clock, and short messages to the person at it. */
import { defineStore } from "pinia";
import { computed, onScopeDispose, ref, watch } from "vue";
import { isLocale, type Locale, localesFor, showIn } from "../i18n";
import { useMeeting } from "./meeting";

const REMEMBERED = "motesrum-language";

function remembered(): Locale | null {
  const language = sessionStorage.getItem(REMEMBERED);
  return language && isLocale(language) ? language : null;
}

export const usePage = defineStore("page", () => {
  const meeting = useMeeting();
  const chosen = ref<Locale | null>(remembered());
  const now = ref(Date.now());
  /** Key of a text that tells what went wrong, or null. */
  const problem = ref<string | null>(null);

  const timer = setInterval(() => (now.value = Date.now()), 1000);
  onScopeDispose(() => clearInterval(timer));

  /** Before a link is opened nobody knows whose it is. */
  const invited = window.location.pathname.startsWith("/j/");
  const offered = computed(() => localesFor(meeting.you?.role ?? (invited ? "guest" : null)));
  const language = computed<Locale>(() => {
    const wished = chosen.value ?? meeting.you?.language ?? "sv";
    return isLocale(wished) && offered.value.includes(wished) ? wished : "sv";
  });
  watch(language, showIn, { immediate: true });

  /** The server's time now, in milliseconds. While paused the meeting's time stands still. */
  const serverNow = computed(() => now.value + meeting.clockOffset);
  const meetingNow = computed(() => {
    const since = meeting.snapshot?.meeting.paused_since;
    return since ? Date.parse(since) : serverNow.value;
  });

  function speak(wanted: Locale): void {
    chosen.value = wanted;
    sessionStorage.setItem(REMEMBERED, wanted);
    if (meeting.may("meeting.setLanguage")) void attempt(meeting.act("meeting.setLanguage", { language: wanted }));
  }

  /** Waits for a change and says so when it was refused. */
  async function attempt(work: Promise<unknown>): Promise<boolean> {
    try {
      await work;
      problem.value = null;
      return true;
    } catch {
      problem.value = "status.failed";
      return false;
    }
  }

  return { language, offered, now, serverNow, meetingNow, problem, speak, attempt };
});
