/** An interpreter of the pool: the rooms that wait, their own, and the one that they are in now. */
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import type { PoolBoard, PoolPerson, PoolRoom, TokenAnswer } from "../wire";
import { ApiError, request } from "./api";
import type { Entry } from "./entry";
import { useMedia } from "./media";
import { useMeeting } from "./meeting";
import { usePage } from "./page";
import { useStaff } from "./staff";

const AGAIN = 3_000;
const UNAUTHORIZED = 401;
const of = (meeting: string) => `/pool/rooms/${encodeURIComponent(meeting)}`;

/** The way into a room of one's own. */
function into(meeting: string): Entry {
  return {
    token: async () => (await request<TokenAnswer>("POST", `${of(meeting)}/token`)).access_token,
    about: async () => null,
  };
}

export const usePool = defineStore("pool", () => {
  const meeting = useMeeting();
  const media = useMedia();
  const page = usePage();
  const staff = useStaff();
  const board = shallowRef<PoolBoard | null>(null);
  /** The meeting whose room this page shows. */
  const inside = ref<string | null>(null);
  const busy = ref(false);
  /** Key of a text, or null. */
  const problem = ref<string | null>(null);
  const rooms = computed<PoolRoom[]>(() => board.value?.rooms ?? []);
  const waiting = computed(() => board.value?.waiting ?? []);
  let following = 0;

  /** Asks again as soon as there is news, until `rest`. */
  async function follow(): Promise<void> {
    const turn = ++following;
    while (turn === following) {
      const known = board.value ? `?known=${board.value.revision}` : "";
      try {
        const found = await request<PoolBoard>("GET", `/pool${known}`);
        if (turn === following) board.value = found;
      } catch (error) {
        if (error instanceof ApiError && error.status === UNAUTHORIZED) return staff.forget();
        await new Promise((done) => setTimeout(done, AGAIN));
      }
    }
  }

  function rest(): void {
    following += 1;
    step(null);
  }

  async function describe(me: Pick<PoolPerson, "languages" | "kind" | "available_until">): Promise<void> {
    await tried(async () => {
      const { languages, kind, available_until: until } = me;
      board.value = await request<PoolBoard>("PUT", "/pool/me", { languages, kind, available_until: until });
    });
  }

  /** Comes to a room that waits, and goes there at once. */
  async function accept(call: string): Promise<void> {
    await tried(async () => {
      const room = await request<PoolRoom>("POST", `/pool/calls/${encodeURIComponent(call)}/accept`);
      board.value = await request<PoolBoard>("PUT", "/pool/floor", { meeting: room.meeting });
      await enter(room.meeting);
    });
  }

  /** Into this room and out of all others, or out of all. The server has cut off the old one when it answers. */
  async function hop(to: string | null): Promise<void> {
    await tried(async () => {
      board.value = await request<PoolBoard>("PUT", "/pool/floor", { meeting: to });
      await enter(to);
    });
  }

  function hopOn(): Promise<void> {
    const at = rooms.value.findIndex((room) => room.meeting === inside.value);
    const next = rooms.value[(at + 1) % rooms.value.length];
    return next && next.meeting !== inside.value ? hop(next.meeting) : Promise.resolve();
  }

  async function enter(to: string | null): Promise<void> {
    if (inside.value === to) return;
    step(null);
    if (to === null) return;
    void media.wake();
    await meeting.join(into(to));
    await page.settled();
    step(to);
  }

  function step(to: string | null): void {
    if (inside.value !== null && to === null) meeting.leave();
    inside.value = to;
  }

  async function tried(work: () => Promise<void>): Promise<void> {
    if (busy.value) return;
    busy.value = true;
    problem.value = null;
    try {
      await work();
    } catch (error) {
      problem.value = error instanceof ApiError && error.code === "call_unknown" ? "pool.taken" : "status.failed";
    } finally {
      busy.value = false;
    }
  }

  return { board, inside, busy, problem, rooms, waiting, follow, rest, describe, accept, hop, hopOn, enter };
});
