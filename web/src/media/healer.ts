/** Repairs what is connected and yet silent or black, in steps from the gentlest to a new beginning. */
import type { Source } from "../wire";
import { type Ailment, Hearing, Ladder, Sending, type SendingAilment, type Told } from "./health";
import type { ConsumerStats } from "./counters";

export interface Outgoing {
  source: Source;
  packets: number;
  /** When the service's last report of it came, as the browser says. */
  answered?: number;
}

export interface Patient {
  /** Of those that are meant to bring something, as far as this page knows. */
  consumers(): Promise<ConsumerStats[]>;
  /** What is to be sent now, and could be: devices that are on and give something. */
  outgoing(): Promise<Outgoing[]>;
  requestKeyframe(consumer: string): Promise<unknown>;
  restartConsumer(consumer: string): Promise<unknown>;
  restartPath(direction: Direction): Promise<unknown>;
  republish(source: Source): Promise<unknown>;
  /** All media anew, in the same session. */
  rejoin(): void;
}

export interface Senses {
  now(): number;
  you(): string;
  /** What the service says of a source; null while it says nothing. */
  told(participant: string, source: Source): Told | null;
  /** Loudness at the source as the service measures it, 0 to 1. */
  spoken(participant: string): number;
}

export interface Ill {
  participant: string;
  source: Source;
  ailment: Ailment;
}

type Direction = "send" | "recv";
type Heavy = "path" | "rejoin";
type Step = "keyframe" | "restart" | Heavy;
type OwnStep = "republish" | Heavy;

const PICTURE: readonly Step[] = ["keyframe", "restart", "path", "rejoin"];
const SOUND: readonly Step[] = ["restart", "path", "rejoin"];
const OWN: readonly OwnStep[] = ["republish", "path", "rejoin"];
const HEAVY: readonly Heavy[] = ["path", "rejoin"];
/** A path or everything anew cuts the others off for a moment too, and takes its time (ms). */
const APART = 12_000;

export class Healer {
  private readonly hearing = new Map<string, Hearing>();
  private readonly ladders = new Map<string, Ladder<Step>>();
  private readonly sending = new Map<Source, Sending>();
  private readonly ownLadders = new Map<Source, Ladder<OwnStep>>();
  private readonly line = new Ladder<Heavy>(HEAVY, APART);
  private readonly ownLine = new Ladder<Heavy>(HEAVY, APART);
  private heavy = -Infinity;
  private busy = false;
  private ill: Ill[] = [];

  constructor(
    private readonly patient: Patient,
    private readonly senses: Senses,
  ) {}

  /** To be called every second or two; the answer is what ails now. */
  async turn(): Promise<Ill[]> {
    if (this.busy) return this.ill;
    this.busy = true;
    try {
      await this.tend();
      this.ill = await this.listen();
    } finally {
      this.busy = false;
    }
    return this.ill;
  }

  private async listen(): Promise<Ill[]> {
    const consumers = await this.patient.consumers();
    keepOnly(this.hearing, consumers.map((one) => one.id));
    const judged = consumers.map((one) => ({ ...one, ailment: this.judge(one) }));
    const ill = judged.flatMap(({ participant, source, ailment }) => (ailment ? [{ participant, source, ailment }] : []));
    if (await this.mendLine(judged)) return ill;
    for (const { id, kind, participant, source, ailment } of judged) {
      const ladder = ensure(this.ladders, `${participant} ${source}`, () => new Ladder(kind === "video" ? PICTURE : SOUND));
      const step = ladder.note(ailment !== null, this.senses.now(), this.may);
      if (step) await this.take(step, id);
    }
    return ill;
  }

  private judge(one: ConsumerStats): Ailment | null {
    const hearing = ensure(this.hearing, one.id, () => new Hearing(one.kind === "video" ? "video" : "audio"));
    const heard = {
      at: this.senses.now(), packets: one.packetsReceived ?? 0, frames: one.framesDecoded, samples: one.totalSamplesReceived,
      level: one.level, spoken: this.senses.spoken(one.participant),
    };
    return hearing.note(heard, this.senses.told(one.participant, one.source));
  }

  /** When nothing comes at all of what is sent, it is the path, not one of its tracks. */
  private async mendLine(judged: { participant: string; source: Source; ailment: Ailment | null }[]): Promise<boolean> {
    const sent = judged.filter((one) => this.senses.told(one.participant, one.source)?.comes);
    const cut = sent.length > 0 && sent.every((one) => one.ailment === "missing");
    const step = this.line.note(cut, this.senses.now(), this.may);
    if (step) await this.heavily(step, "recv");
    return cut;
  }

  private async take(step: Step, consumer: string): Promise<void> {
    if (step === "keyframe") await this.patient.requestKeyframe(consumer);
    else if (step === "restart") await this.patient.restartConsumer(consumer);
    else await this.heavily(step, "recv");
  }

  private async tend(): Promise<void> {
    const outgoing = await this.patient.outgoing();
    keepOnly(this.sending, outgoing.map((one) => one.source));
    const judged = outgoing.map((one) => ({ source: one.source, ailment: this.judgeOwn(one) }));
    const step = this.ownLine.note(judged.some((one) => one.ailment === "unanswered"), this.senses.now(), this.may);
    if (step) {
      this.sending.clear();
      await this.heavily(step, "send");
      return;
    }
    for (const { source, ailment } of judged) {
      const ladder = ensure(this.ownLadders, source, () => new Ladder(OWN));
      const ails = ailment !== null && ailment !== "unanswered";
      const own = ladder.note(ails, this.senses.now(), this.may);
      if (!own) continue;
      this.sending.delete(source);
      if (own === "republish") await this.patient.republish(source);
      else await this.heavily(own, "send");
    }
  }

  private judgeOwn({ source, packets, answered }: Outgoing): SendingAilment | null {
    const sending = ensure(this.sending, source, () => new Sending());
    const at = this.senses.now();
    return sending.note({ at, packets, answered }, this.senses.told(this.senses.you(), source));
  }

  private readonly may = (step: Step | OwnStep): boolean =>
    (step !== "path" && step !== "rejoin") || this.senses.now() - this.heavy >= APART;

  private async heavily(step: Heavy, direction: Direction): Promise<void> {
    this.heavy = this.senses.now();
    if (step === "path") await this.patient.restartPath(direction);
    else this.patient.rejoin();
  }
}

function keepOnly<Key>(known: Map<Key, unknown>, those: Key[]): void {
  const kept = new Set(those);
  for (const key of [...known.keys()]) if (!kept.has(key)) known.delete(key);
}

function ensure<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
