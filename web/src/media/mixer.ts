/**
 * What this person hears: every remote track through a gain of its own (Web Audio).
 * A remote track flows into Web Audio only while a muted media element plays it as well.
 */

interface Voice {
  element: HTMLAudioElement;
  source: MediaStreamAudioSourceNode;
  gain: GainNode;
  meter: AnalyserNode;
  /** Of more than half a second. */
  witness: AnalyserNode;
  /** Where the gain is, or is on its way to. */
  target: number;
}

const RAMP = 0.05;

export class Mixer {
  private context: AudioContext | null = null;
  private master: GainNode | null = null;
  private readonly voices = new Map<string, Voice>();
  private silent = false;
  private speaker = "";

  /** `suspended`: told whenever the browser holds the sound back until somebody touches the page. */
  constructor(private readonly suspended: (held: boolean) => void) {}

  /** Call from a click: that is what lets a page make sound. */
  async wake(): Promise<void> {
    const context = this.ready();
    if (context.state !== "running") {
      const late = new Promise<void>((resolve) => setTimeout(resolve, 500));
      await Promise.race([context.resume().catch(() => undefined), late]);
    }
    this.tell();
  }

  /** After a telephone call or another app (iOS): sound that once was allowed needs no click to go on. */
  private readonly goOn = (): void => {
    if (!document.hidden && this.context && held(this.context)) void this.context.resume().catch(() => undefined);
  };

  /** `loudness` is linear, as in `setGain`. */
  add(id: string, track: MediaStreamTrack, loudness = 1): void {
    const context = this.ready();
    const stream = new MediaStream([track]);
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    const source = context.createMediaStreamSource(stream);
    const gain = context.createGain();
    gain.gain.value = loudness;
    const meter = context.createAnalyser();
    meter.fftSize = 512;
    source.connect(gain).connect(this.master!);
    source.connect(meter);
    const witness = context.createAnalyser();
    witness.fftSize = 32_768;
    source.connect(witness);
    this.remove(id);
    this.voices.set(id, { element, source, gain, meter, witness, target: loudness });
    this.tell();
  }

  remove(id: string): void {
    const voice = this.voices.get(id);
    if (!voice) return;
    this.voices.delete(id);
    voice.source.disconnect();
    voice.gain.disconnect();
    voice.element.srcObject = null;
  }

  /** `gain` is linear: 1 as sent, 0.1259 is −18 dB. `ramp`: seconds until two thirds of the change are done. */
  setGain(id: string, gain: number, ramp = RAMP): void {
    const voice = this.voices.get(id);
    if (!voice || !this.context || voice.target === gain) return;
    voice.target = gain;
    const now = this.context.currentTime;
    voice.gain.gain.cancelScheduledValues(now);
    voice.gain.gain.setTargetAtTime(gain, now, ramp);
  }

  setSilent(silent: boolean): void {
    this.silent = silent;
    if (this.master && this.context) {
      this.master.gain.setTargetAtTime(silent ? 0 : 1, this.context.currentTime, RAMP);
    }
    this.tell();
  }

  /** The loudspeaker that everything is played on; "" is the system's own. */
  async setSpeaker(id: string): Promise<void> {
    this.speaker = id;
    if (this.context) await route(this.context, id);
  }

  /** A few soft notes on the chosen loudspeaker; false where the browser holds sound back. Resolves when they are over. */
  async chime(notes: readonly number[] = CHIME): Promise<boolean> {
    await this.wake();
    const context = this.ready();
    if (context.state !== "running") return false;
    await Promise.all(notes.map((pitch, turn) => note(context, pitch, context.currentTime + turn * NOTE)));
    return true;
  }

  /** Loudness of one track now, 0 to 1 (root mean square). */
  level(id: string): number {
    const meter = this.voices.get(id)?.meter;
    return meter ? loudness(meter) : 0;
  }

  /** The same over more than half a second; undefined while the browser mixes nothing. */
  recentLevel(id: string): number | undefined {
    const witness = this.voices.get(id)?.witness;
    return witness && this.context?.state === "running" ? loudness(witness) : undefined;
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.goOn);
    for (const id of [...this.voices.keys()]) this.remove(id);
    void this.context?.close();
    this.context = null;
    this.master = null;
  }

  private ready(): AudioContext {
    if (!this.context) {
      this.context = new AudioContext({ latencyHint: "interactive" });
      this.master = this.context.createGain();
      this.master.gain.value = this.silent ? 0 : 1;
      this.master.connect(this.context.destination);
      this.context.addEventListener("statechange", () => this.tell());
      document.addEventListener("visibilitychange", this.goOn);
      if (this.speaker) void route(this.context, this.speaker).catch(() => undefined);
    }
    return this.context;
  }

  private tell(): void {
    const waits = this.context !== null && held(this.context);
    this.suspended(waits && this.voices.size > 0 && !this.silent);
  }
}

/** Not allowed to sound: "suspended" before a click, "interrupted" by a telephone call (iOS). */
function held(context: BaseAudioContext): boolean {
  return context.state !== "running" && context.state !== "closed";
}

export function loudness(meter: AnalyserNode): number {
  const samples = new Float32Array(meter.fftSize);
  meter.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.sqrt(power);
}

/** Can this browser play a meeting on another loudspeaker than the system's own? */
export function canChooseSpeaker(): boolean {
  return typeof AudioContext !== "undefined" && "setSinkId" in AudioContext.prototype;
}

type Routed = AudioContext & { setSinkId?: (id: string) => Promise<void> };

async function route(context: Routed, speaker: string): Promise<void> {
  await context.setSinkId?.(speaker);
}

const CHIME = [523.25, 659.25, 783.99]; // C, E, G
const NOTE = 0.28; // seconds
const SOFT = 0.18;

/** One note that swells and fades, so that nobody starts. */
function note(context: AudioContext, pitch: number, at: number): Promise<void> {
  const tone = context.createOscillator();
  const gain = context.createGain();
  tone.frequency.value = pitch;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(SOFT, at + 0.04);
  gain.gain.exponentialRampToValueAtTime(0.001, at + NOTE * 2);
  tone.connect(gain).connect(context.destination);
  return new Promise((resolve) => {
    tone.onended = () => resolve();
    tone.start(at);
    tone.stop(at + NOTE * 2);
  });
}

/** Samples: most of what is between two looks, so that what is short is not missed each time. */
const ALL_BUT_ALL = 4096;

/** Measures one local track, null while the browser measures nothing; call the answer to stop. */
export function watchLevel(track: MediaStreamTrack, tell: (level: number | null) => void): () => void {
  const context = new AudioContext();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const meter = context.createAnalyser();
  meter.fftSize = ALL_BUT_ALL;
  source.connect(meter);
  const timer = setInterval(() => tell(context.state === "running" ? loudness(meter) : null), 100);
  return () => {
    clearInterval(timer);
    source.disconnect();
    void context.close();
  };
}
