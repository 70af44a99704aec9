/** Who is signed in as staff, and the day's meetings of their site. */
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { day } from "../time";
import type { Catalogue, InviteAnswer, MeetingResource, StaffSession } from "../wire";
import { ApiError, catalogue, invite, meetings, signOut, staffSession } from "./api";

type Loading = "loading" | "ready" | "failed" | "signed_out";

export const useStaff = defineStore("staff", () => {
  const session = shallowRef<StaffSession | null>(null);
  const offered = shallowRef<Catalogue | null>(null);
  const list = shallowRef<MeetingResource[]>([]);
  const state = ref<Loading>("loading");
  const site = ref("");
  /** A site's days follow its own time zone. */
  const timeZone = computed(() => offered.value?.sites.find((one) => one.id === site.value)?.time_zone);
  const date = ref("");

  function failed(error: unknown): void {
    state.value = error instanceof ApiError && error.status === 401 ? "signed_out" : "failed";
  }

  async function open(): Promise<void> {
    try {
      session.value ??= await staffSession();
      offered.value ??= await catalogue();
      site.value ||= session.value.sites[0]?.id ?? offered.value.sites[0]?.id ?? "";
      date.value ||= day(0, timeZone.value);
      await load();
    } catch (error) {
      failed(error);
    }
  }

  async function load(): Promise<void> {
    const asking = session.value;
    try {
      const found = await meetings(site.value, date.value);
      // Signed out meanwhile: what comes late is for nobody.
      if (session.value !== asking) return;
      list.value = [...found].sort((one, other) => (one.planned_at ?? "~").localeCompare(other.planned_at ?? "~"));
      state.value = "ready";
    } catch (error) {
      if (session.value === asking) failed(error);
    }
  }

  /** A link into the meeting for this member of staff, as the same host as last time. */
  function hostLink(meeting: MeetingResource): Promise<InviteAnswer> {
    const name = session.value?.name ?? "";
    const before = meeting.participants.find((person) => person.role === "host" && person.name === name);
    return invite(meeting.id, { role: "host", name, ...(before ? { participant: before.id } : {}) });
  }

  async function leave(): Promise<void> {
    await signOut().catch(() => undefined);
    session.value = null;
    list.value = [];
    date.value = "";
    state.value = "signed_out";
  }

  return { session, offered, list, state, site, date, timeZone, open, load, hostLink, leave };
});
