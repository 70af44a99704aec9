/** Notices what is connected and yet silent or black, has it repaired, and says so; reports what this device goes through. */
import { ref, watch } from "vue";
import type { ConsumerStats } from "../media/counters";
import { experience } from "../media/experience";
import { Healer, type Ill } from "../media/healer";
import type { Mixer } from "../media/mixer";
import type { MediaRoom } from "../media/room";
import type { Source } from "../wire";
import type { useMeeting } from "./meeting";

const EVERY = 2_000;
/** As often as the service tells how everybody fares. */
const REPORT_EVERY = 5_000;

export interface Care {
  meeting: ReturnType<typeof useMeeting>;
  mixer: Mixer;
  /** The media of the meeting, while it is connected. */
  room: () => MediaRoom | null;
  /** A device of ours that gives something: its track is live, and nobody has switched it off. */
  gives: (source: Source) => boolean;
  rejoin: () => void;
}

export function healing({ meeting, mixer, room, gives, rejoin }: Care) {
  const ill = ref<Ill[]>([]);
  let toldAt = 0;
  watch(() => meeting.quality, () => (toldAt = performance.now()));

  function told(participant: string, source: Source) {
    const known = meeting.quality.get(participant);
    return known ? { at: toldAt, comes: known.sources.includes(source) } : null;
  }

  async function consumers(): Promise<ConsumerStats[]> {
    const all = (await room()?.stats()) ?? [];
    // A page that nobody looks at need not paint.
    return all.filter((one) => one.kind === "audio" || (one.plays !== false && !document.hidden))
      .map((one) => (one.kind === "audio" ? { ...one, level: mixer.recentLevel(one.id) } : one));
  }

  const healer = new Healer(
    {
      consumers,
      outgoing: async () => ((await room()?.outgoing()) ?? []).filter((one) => gives(one.source)),
      requestKeyframe: async (id) => room()?.requestKeyframe(id),
      restartConsumer: async (id) => room()?.restartConsumer(id),
      restartPath: async (direction) => room()?.restartPath(direction),
      republish: async (source) => room()?.republish(source),
      rejoin,
    },
    {
      now: () => performance.now(),
      you: () => meeting.you?.participant ?? "",
      told,
      spoken: (participant) => meeting.speakers.find((one) => one.participant === participant)?.level ?? 0,
    },
  );

  let reported: ConsumerStats[] = [];
  let reportedAt = 0;

  async function report(): Promise<void> {
    const now = performance.now();
    if (now - reportedAt < REPORT_EVERY) return;
    reportedAt = now;
    const counted = (await room()?.stats()) ?? [];
    const known = reported;
    reported = counted;
    if (counted.length && known.length) await meeting.call("media.report", { ...experience(counted, known) });
  }

  async function turn(): Promise<void> {
    if (!room() || meeting.connection !== "joined" || meeting.quiet) {
      ill.value = [];
      return;
    }
    ill.value = await healer.turn();
    await report();
  }

  setInterval(() => void turn().catch(() => undefined), EVERY);
  return { ill };
}
