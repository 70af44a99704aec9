/** Who is signed in as staff, and the meetings of their offices. */
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { drop } from "../staff/keeping";
import { day, shifted, weekOf } from "../time";
import type { Catalogue, MeetingResource, StaffSession } from "../wire";
import { ApiError, catalogue, invite, meetings, signOut, staffSession } from "./api";
import { pressedFor } from "./entry";
import { usePage } from "./page";

type Loading = "loading" | "ready" | "failed" | "signed_out";
export type Span = "today" | "tomorrow" | "week";

/** All offices of the person at once. */
export const ALL = "all";
const WEEK = 7;
const REMEMBERED = "motesrum-office";
const SIGNED_IN = "motesrum-staff";

/** Is somebody signed in as staff in this tab? Other pages ask nothing of the server that is for staff only. */
export function isStaffTab(): boolean {
  return sessionStorage.getItem(SIGNED_IN) !== null;
}

export const useStaff = defineStore("staff", () => {
  const page = usePage();
  const session = shallowRef<StaffSession | null>(null);
  const offered = shallowRef<Catalogue | null>(null);
  const list = shallowRef<MeetingResource[]>([]);
  const state = ref<Loading>("loading");
  /** What is shown may be old: it could not be fetched anew. */
  const stale = ref(false);
  const site = ref("");
  const span = ref<Span>("today");
  const sites = computed(() => session.value?.sites ?? []);
  /** The days of an office follow its own time zone; those of several, the first one's. */
  const timeZone = computed(() => zoneOf(site.value));
  const today = ref("");
  const from = computed(() => {
    if (!today.value) return "";
    if (span.value === "week") return weekOf(today.value).monday;
    return span.value === "tomorrow" ? shifted(today.value, 1) : today.value;
  });
  let asked = 0;

  function zoneOf(office: string): string {
    return sites.value.find((one) => one.id === office)?.time_zone ?? session.value?.time_zone ?? page.officeZone;
  }

  function failed(error: unknown): void {
    if (error instanceof ApiError && error.status === 401) forget();
    else if (state.value === "ready") stale.value = true;
    else state.value = "failed";
  }

  /** Who is signed in, and what a meeting can be made of. */
  async function enter(): Promise<boolean> {
    try {
      session.value ??= await staffSession();
      page.officeZone = session.value.time_zone;
      sessionStorage.setItem(SIGNED_IN, "yes");
      offered.value ??= await catalogue();
      site.value ||= usual();
      today.value = day(0, timeZone.value, new Date(page.serverNow));
      if (state.value !== "ready") state.value = "loading";
      return true;
    } catch (error) {
      failed(error);
      return false;
    }
  }

  async function open(): Promise<void> {
    if (state.value !== "ready") state.value = "loading";
    if (!(await enter())) return;
    if (session.value?.role === "host") await load();
    else state.value = "ready";
  }

  function usual(): string {
    const last = localStorage.getItem(REMEMBERED);
    if (sites.value.some((one) => one.id === last)) return last!;
    return sites.value.length > 1 ? ALL : (sites.value[0]?.id ?? "");
  }

  function choose(office: string): void {
    site.value = office;
    localStorage.setItem(REMEMBERED, office);
  }

  async function load(): Promise<void> {
    const asking = ++asked;
    today.value = day(0, timeZone.value, new Date(page.serverNow));
    try {
      const found = await meetings(site.value === ALL ? null : site.value, from.value, span.value === "week" ? WEEK : 1);
      // Another choice, or signed out meanwhile: what comes late is for nobody.
      if (asked !== asking) return;
      list.value = [...found].sort((one, other) => (one.planned_at ?? "~").localeCompare(other.planned_at ?? "~"));
      stale.value = false;
      state.value = "ready";
    } catch (error) {
      if (asked === asking) failed(error);
    }
  }

  /** The way into the meeting for this member of staff, as the same host as last time. They have pressed already. */
  async function wayIn(meeting: MeetingResource): Promise<string> {
    const name = session.value?.name ?? "";
    const before = meeting.participants.find((person) => person.role === "host" && person.name === name);
    const { code } = await invite(meeting.id, { role: "host", name, ...(before ? { participant: before.id } : {}) });
    pressedFor(code);
    return `/j/${code}`;
  }

  async function leave(): Promise<void> {
    const elsewhere = await signOut().catch(() => null);
    drop();
    if (elsewhere) window.location.assign(elsewhere);
    else forget();
  }

  function forget(): void {
    asked += 1;
    sessionStorage.removeItem(SIGNED_IN);
    session.value = null;
    list.value = [];
    site.value = "";
    state.value = "signed_out";
  }

  return { session, offered, list, state, stale, site, sites, span, from, today, timeZone, zoneOf, enter, open, choose, load, wayIn, leave, forget };
});
