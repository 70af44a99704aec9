/** The page itself: its language, how times are written on it, and short messages to the person at it. */
import { defineStore } from "pinia";
import { computed, ref, watch } from "vue";
import { isLocale, type Locale, locale, localesFor, newcomersOwn, showIn } from "../i18n";
import * as time from "../time";
import type { Instant, LinkInfo } from "../wire";
import { serverAhead } from "./api";
import { useMeeting } from "./meeting";
import { useTick } from "./tick";

const REMEMBERED = "motesrum-language";
/** Until an office is known. */
const HOME_ZONE = "Europe/Stockholm";

function remembered(): Locale | null {
  const language = sessionStorage.getItem(REMEMBERED);
  return language && isLocale(language) ? language : null;
}

export const usePage = defineStore("page", () => {
  const meeting = useMeeting();
  const chosen = ref<Locale | null>(remembered());
  /** Key of a text that tells what went wrong, or null. */
  const problem = ref<string | null>(null);

  /** Before a link is opened nobody knows whose it is. */
  const invited = window.location.pathname.startsWith("/j/");
  const guest = ref<LinkInfo | null>(null);
  const stranger = invited ? "guest" : window.location.pathname.startsWith("/connection") ? "tester" : null;
  const offered = computed(() => localesFor(meeting.you?.role ?? guest.value?.role ?? stranger));
  /** A telephone that speaks a newcomer's language: its owner is asked in that language to join. */
  const devices = newcomersOwn(navigator.languages ?? [navigator.language]);
  /** The invitation names the language of whom it is for, and begins; the device may be borrowed, or know better. */
  const likely = computed<Locale[]>(() => {
    const invited = guest.value?.language ?? "";
    return invited !== devices ? [invited, devices ?? ""].filter(isLocale).filter((one) => offered.value.includes(one)) : [];
  });
  const wished = computed<Locale>(() => {
    const wish = chosen.value ?? meeting.you?.language ?? guest.value?.language ?? (stranger ? devices : null) ?? "sv";
    return isLocale(wish) && offered.value.includes(wish) ? wish : "sv";
  });
  /** The language that the page is in: the one wished for, as soon as its texts are here. */
  const language = ref<Locale>(locale());
  watch(wished, () => void settled());

  /** The server's time now, in milliseconds: the meeting's own, or as its last answer told. */
  const serverNow = computed(() => (meeting.snapshot ? meeting.serverNow : useTick().now + serverAhead.value));
  /** While paused the meeting's time stands still. */
  const meetingNow = computed(() => {
    const since = meeting.snapshot?.meeting.paused_since;
    return since ? Date.parse(since) : serverNow.value;
  });

  /** The time zone of the office of whoever is signed in as staff. */
  const officeZone = ref(HOME_ZONE);
  /** Times are those of the meeting's office, wherever the device is. */
  const timeZone = computed(() => meeting.snapshot?.meeting.time_zone ?? officeZone.value);
  const clock = (instant: Instant | number, zone = timeZone.value) => time.clock(instant, language.value, zone);
  const moment = (instant: Instant | number, zone = timeZone.value) => time.moment(instant, language.value, zone);
  const longDay = (instant: Instant | number, zone = timeZone.value, year = true) => time.longDay(instant, language.value, zone, year);

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

  return {
    language, wished, offered, likely, serverNow, meetingNow, officeZone, timeZone, clock, moment, longDay, problem, speak, forget, tellLanguage, guest, settled, attempt,
  };
});
