/** The page itself: its language, the running clock, and short messages to the person at it. */
import { defineStore } from "pinia";
import { computed, onScopeDispose, ref, watch } from "vue";
import { isLocale, type Locale, locale, localesFor, showIn } from "../i18n";
import type { LinkInfo } from "../wire";
import { useMeeting } from "./meeting";

const REMEMBERED = "motesrum-language";

function remembered(): Locale | null {
  const language = sessionStorage.getItem(REMEMBERED);
  return language && isLocale(language) ? language : null;
}

/** A telephone that speaks a newcomer's language: its owner is asked in that language to join. */
function newcomersOwn(): Locale | null {
  const language = navigator.language.split("-")[0];
  return isLocale(language) && !localesFor(null).includes(language) ? language : null;
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
  const guest = ref<LinkInfo | null>(null);
  const offered = computed(() => localesFor(meeting.you?.role ?? guest.value?.role ?? (invited ? "guest" : null)));
  const wished = computed<Locale>(() => {
    const wish = chosen.value ?? meeting.you?.language ?? guest.value?.language ?? (invited ? newcomersOwn() : null) ?? "sv";
    return isLocale(wish) && offered.value.includes(wish) ? wish : "sv";
  });
  /** The language that the page is in: the one wished for, as soon as its texts are here. */
  const language = ref<Locale>(locale());
  watch(wished, () => void settled());

  /** The server's time now, in milliseconds. While paused the meeting's time stands still. */
  const serverNow = computed(() => now.value + meeting.clockOffset);
  const meetingNow = computed(() => {
    const since = meeting.snapshot?.meeting.paused_since;
    return since ? Date.parse(since) : serverNow.value;
  });

  function speak(wanted: Locale): void {
    chosen.value = wanted;
    sessionStorage.setItem(REMEMBERED, wanted);
    void settled();
    tellLanguage();
  }

  /** What was chosen before there was a meeting is told once there is. */
  function tellLanguage(): void {
    const wanted = chosen.value;
    if (!wanted || wanted === meeting.you?.language) return;
    if (meeting.may("meeting.setLanguage")) void attempt(meeting.act("meeting.setLanguage", { language: wanted }));
  }

  /** Somebody else comes to this device: what the last one chose is not theirs. */
  function forget(): void {
    chosen.value = null;
    sessionStorage.removeItem(REMEMBERED);
    void settled();
  }

  /** Resolves once the page is in the language wished for, so that nothing is shown in another first. */
  async function settled(): Promise<void> {
    const wish = wished.value;
    try {
      if (await showIn(wish)) language.value = wish;
    } catch {
      problem.value = "status.failed";
    }
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

  return { language, offered, now, serverNow, meetingNow, problem, speak, forget, tellLanguage, guest, settled, attempt };
});
