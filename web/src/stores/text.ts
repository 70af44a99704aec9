/** What is written letter by letter: the lines of the others as they grow, the finished ones, and one's own. */
import { defineStore } from "pinia";
import { computed, ref, shallowReactive, shallowRef } from "vue";
import { follow } from "../media/line";
import type { Params } from "../media/rpc";
import { Typist } from "../media/typist";
import type { Drafts, MeetingEvent, Snapshot, TextLine, Transcript, Typed } from "../wire";
import { useMeeting } from "./meeting";

export interface Draft {
  line: string;
  participant: string;
  revision: number;
  text: string;
  language: string;
  corrects: string | null;
}

const keyOf = (one: { participant: string; line: string }) => `${one.participant} ${one.line}`;

/** What an unfinished line stands in: with it it ends. */
function sceneOf({ stations, meeting, question, you }: Snapshot): string {
  const active = stations.filter((one) => one.state === "active").map((one) => one.number);
  return [active.sort(), meeting.state === "paused", question?.id ?? "", you.phase].join("/");
}

/** So that what is read again is fetched only when something may have changed. */
const rereadOn = (snapshot: Snapshot): string => [sceneOf(snapshot), snapshot.meeting.state, snapshot.participants.length].join("/");

export const useText = defineStore("text", () => {
  const meeting = useMeeting();
  const drafts = shallowReactive(new Map<string, Draft>());
  const lines = shallowRef<TextLine[]>([]);
  /** There are earlier lines than those here. */
  const more = ref(false);
  /** What the field holds. */
  const written = ref("");
  /** The last line that one finished could not be kept. */
  const failed = ref(false);
  /** The finished line that one corrects now. */
  const correcting = ref<string | null>(null);
  /** The language that one writes in, where it is not one's own. */
  const language = ref<string | null>(null);

  const typist = new Typist(
    {
      call: meeting.call,
      act: meeting.act,
      gone: () => {
        written.value = "";
        correcting.value = null;
      },
    },
    () => language.value ?? meeting.you?.language ?? "sv",
  );

  const me = computed(() => meeting.you?.participant ?? "");
  /** The lines of the others that grow right now. */
  const growing = computed(() => [...drafts.values()].filter((one) => one.participant !== me.value && one.text.trim() !== ""));

  function write(text: string): void {
    written.value = text;
    typist.write(text, correcting.value);
  }

  async function finish(): Promise<void> {
    if (!written.value.trim()) return;
    written.value = "";
    correcting.value = null;
    failed.value = !(await typist.finish());
  }

  /** The line that grew is taken back; with `line` that finished one is corrected next. */
  function correct(line: TextLine | null): void {
    write("");
    typist.drop();
    correcting.value = line?.line ?? null;
    if (line) write(latest(line).text);
  }

  /** What stands in for it now. */
  function latest(line: TextLine): TextLine {
    return lines.value.filter((one) => one.corrects === line.line).at(-1) ?? line;
  }

  let reading = 0;

  async function read(): Promise<void> {
    const turn = ++reading;
    try {
      const [now, transcript] = await Promise.all([
        meeting.call<Drafts>("text.drafts"),
        meeting.call<Transcript>("text.transcript"),
      ]);
      if (turn !== reading) return;
      showDrafts(now.drafts);
      lines.value = transcript.lines;
      more.value = transcript.more;
    } catch {
      // Another connection asks again.
    }
  }

  async function readMore(): Promise<void> {
    const [first] = lines.value;
    if (!first) return;
    const earlier = await meeting.call<Transcript>("text.transcript", { before: first.line });
    lines.value = [...earlier.lines, ...lines.value];
    more.value = earlier.more;
  }

  let catchingUp = false;

  /** Every line that grows, as it is now. */
  async function catchUp(): Promise<void> {
    if (catchingUp) return;
    catchingUp = true;
    try {
      showDrafts((await meeting.call<Drafts>("text.drafts")).drafts);
    } catch {
      // As above.
    } finally {
      catchingUp = false;
    }
  }

  function showDrafts(now: Typed[]): void {
    drafts.clear();
    for (const one of now) grow(one);
  }

  function grow(typed: Typed): void {
    const key = keyOf(typed);
    const { line, participant, language: tongue, corrects } = typed;
    const after = follow(drafts.get(key) ?? { line, participant, revision: 0, text: "", language: tongue, corrects }, typed);
    if (after) drafts.set(key, after);
    else void catchUp();
  }

  function keep(event: MeetingEvent): void {
    const { line, sender, text, language: tongue, station, corrects } = event.data as unknown as TextLine;
    drafts.delete(keyOf({ participant: sender, line }));
    if (lines.value.some((one) => one.line === line)) return;
    const person = meeting.person(sender) ?? (sender === me.value ? meeting.you : null);
    const { role = "officer", kind = null } = person ?? {};
    // As it is kept: a name that stands for somebody's part is put into words where it is read.
    const kept = meeting.snapshot?.participants.find((one) => one.id === sender) ?? (sender === me.value ? meeting.snapshot?.you : null);
    const name = kept?.name ?? "";
    lines.value = [...lines.value, { line, at: event.at, sender, sender_name: name, role, kind, text, language: tongue, station, corrects }];
  }

  function forget(): void {
    reading += 1;
    drafts.clear();
    lines.value = [];
    more.value = false;
    typist.drop();
  }

  async function joined(): Promise<void> {
    typist.again();
    await read();
    const own = [...drafts.values()].find((one) => one.participant === me.value);
    if (own && typist.takeUp(own.line, own.revision, own.text)) {
      written.value = own.text;
      correcting.value = own.corrects;
    }
  }

  meeting.useHooks({
    joined: () => void joined(),
    notified: (method: string, params: Params) => {
      if (method === "text.typed") grow(params as unknown as Typed);
      else if (method === "text.gone") {
        drafts.delete(keyOf(params as { participant: string; line: string }));
        if (params.participant === me.value) typist.lost(String(params.line));
      }
    },
    happened: (event) => {
      if (event.type === "line_written") keep(event);
    },
    changed: (before, after) => {
      if (sceneOf(before) !== sceneOf(after)) {
        drafts.clear();
        typist.drop();
      }
      if (after.you.phase !== "room" || after.meeting.state === "ended") forget();
      else if (rereadOn(before) !== rereadOn(after)) void read();
    },
    over: forget,
  });
  if (meeting.connection === "joined") void joined();

  return { drafts, growing, lines, more, written, failed, correcting, language, write, finish, correct, latest, readMore, show: showDrafts };
});
