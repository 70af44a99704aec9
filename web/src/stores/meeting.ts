/** The meeting as this participant may see it: the server's snapshot, and what we ask the server to do. */
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { goesBy } from "../roles";
import { isComing, later, slip } from "../time";
import type { Joined, MeetingEvent, Participant, Quality, Role, Signal, Snapshot, Speaker, Station } from "../wire";
import { receivable } from "../media/ability";
import { Session, type SessionState } from "../media/session";
import type { Params } from "../media/rpc";
import type { Entry } from "./entry";
import { useTick } from "./tick";

export interface HeardSignal {
  key: number;
  participant: string;
  signal: Signal;
}

const SIGNAL_SHOWN = 12_000;
const SPEAKING = 0.02;
/** Everybody keeps their place in a list of people, whoever comes and goes. */
const ORDER: Role[] = ["newcomer", "companion", "host", "interpreter", "officer", "attendee"];

export function socketUrl(location: Location): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/socket`;
}

/** What others make of it: the media, the text. */
export interface Hooks {
  joined: (answer: Joined, resumed: boolean) => void;
  notified: (method: string, params: Params) => void;
  happened?: (event: MeetingEvent) => void;
  changed: (before: Snapshot, after: Snapshot) => void;
  over: () => void;
}

export const useMeeting = defineStore("meeting", () => {
  const tick = useTick();
  const snapshot = shallowRef<Snapshot | null>(null);
  const connection = ref<SessionState>("idle");
  /** The connection stands, but nothing comes over it. */
  const quiet = ref(false);
  /** Stable code of why the session is over, or null. */
  const ending = ref<string | null>(null);
  const speakers = shallowRef<Speaker[]>([]);
  /** How the connections are, by participant; those of whom nothing is known are not in it. */
  const quality = shallowRef<ReadonlyMap<string, Quality>>(new Map());
  const signals = ref<HeardSignal[]>([]);
  /** The server's clock minus ours, in milliseconds. */
  const clockOffset = ref(0);

  let session: Session | null = null;
  const hooks: Hooks[] = [];
  let signalKey = 0;

  /** As everybody here calls somebody, in the reader's language. */
  const named = <Person extends Parameters<typeof goesBy>[0]>(person: Person) => goesBy(person, snapshot.value?.stations);

  const you = computed(() => (snapshot.value ? named(snapshot.value.you) : null));
  /** The server's time now, in milliseconds. */
  const serverNow = computed(() => tick.now + clockOffset.value);
  /** What is expected moves on while nobody tells anything. */
  const slipped = computed(() => (snapshot.value ? slip(snapshot.value, serverNow.value) : 0));
  const stations = computed<Station[]>(() =>
    [...(snapshot.value?.stations ?? [])]
      .sort((one, other) => one.position - other.position)
      .map((station) => ({ ...station, expected_start: later(station.expected_start, slipped.value) })),
  );
  const queue = computed(() => {
    const told = snapshot.value?.queue;
    return told ? { ...told, expected_start: later(told.expected_start, slipped.value) } : null;
  });
  const activeStations = computed(() => stations.value.filter((station) => station.state === "active"));
  const nextStation = computed(() => stations.value.find(isComing) ?? null);
  const people = computed<Participant[]>(() =>
    (snapshot.value?.participants ?? []).map(named).sort((one, other) => ORDER.indexOf(one.role) - ORDER.indexOf(other.role)),
  );
  const inRoom = computed(() => people.value.filter((person) => person.present && person.phase === "room"));
  /** Who has waited longest comes first. */
  const inLobby = computed(() =>
    people.value
      .filter((person) => person.present && person.phase === "lobby")
      .sort((one, other) => (one.since ?? "").localeCompare(other.since ?? "")),
  );

  function person(id: string): Participant | undefined {
    return people.value.find((candidate) => candidate.id === id);
  }

  function may(action: string): boolean {
    return you.value?.may.includes(action) ?? false;
  }

  function isSpeaking(id: string): boolean {
    return speakers.value.some((speaker) => speaker.participant === id && speaker.level > SPEAKING);
  }

  function useHooks(given: Hooks): void {
    hooks.push(given);
  }

  async function join(entry: Entry): Promise<void> {
    ending.value = null;
    session?.leave();
    const created = new Session(
      { url: socketUrl(window.location), token: entry.token, along: receivable, standing: entry.standing?.(), keep: entry.keep },
      {
        state: (state) => {
          if (session === created) connection.value = state;
        },
        joined: (answer, resumed) => {
          show(answer.snapshot);
          for (const each of hooks) each.joined(answer, resumed);
        },
        quiet: (now) => {
          if (session === created) quiet.value = now;
        },
        event: happened,
        notification: notified,
        over: finish,
      },
    );
    session = created;
    connection.value = "idle";
    await created.join();
  }

  function show(next: Snapshot): void {
    const before = snapshot.value;
    snapshot.value = next;
    clockOffset.value = Date.parse(next.now) - Date.now();
    if (before) for (const each of hooks) each.changed(before, next);
  }

  function happened(event: MeetingEvent): void {
    if (!snapshot.value) return;
    show({ ...snapshot.value, ...event.changes, now: event.changes.now ?? event.at });
    if (event.type === "signal_sent") heard(event.data);
    for (const each of hooks) each.happened?.(event);
  }

  function heard(data: Record<string, unknown>): void {
    const key = ++signalKey;
    signals.value.push({ key, participant: String(data.participant), signal: data.signal as Signal });
    setTimeout(() => dismiss(key), SIGNAL_SHOWN);
  }

  function dismiss(key: number): void {
    signals.value = signals.value.filter((signal) => signal.key !== key);
  }

  function notified(method: string, params: Params): void {
    if (method === "media.speakers") speakers.value = (params.speakers as Speaker[]) ?? [];
    else if (method === "media.quality") quality.value = new Map((params.people as Quality[]).map((one) => [one.participant, one]));
    else for (const each of hooks) each.notified(method, params);
  }

  function finish(code: string): void {
    ending.value = code;
    for (const each of hooks) each.over();
  }

  /** A change to the meeting, safe to repeat. */
  function act<Result = unknown>(method: string, params: Params = {}): Promise<Result> {
    if (!session) return Promise.reject(new Error("No session"));
    return session.act<Result>(method, params);
  }

  function call<Result>(method: string, params: Params = {}): Promise<Result> {
    if (!session) return Promise.reject(new Error("No session"));
    return session.call<Result>(method, params);
  }

  function hurry(): void {
    session?.hurry();
  }

  /** Out of the meeting by one's own wish; the page stays, and knows nothing of the meeting any more. */
  function goOut(): void {
    if (!session || !snapshot.value) return;
    void session.goOut();
    session = null;
    connection.value = "over";
    snapshot.value = { ...snapshot.value, stations: [], participants: [], messages: [], question: null, consents: [] };
    finish("left");
  }

  function leave(): void {
    session?.leave();
    for (const each of hooks) each.over();
    session = null;
    snapshot.value = null;
    connection.value = "idle";
  }

  return {
    snapshot, connection, quiet, ending, speakers, quality, signals, clockOffset, serverNow,
    you, stations, queue, activeStations, nextStation, people, inRoom, inLobby,
    person, named, may, isSpeaking, useHooks, join, show, happened, notified, finish, act, call, dismiss, hurry, goOut, leave,
  };
});
