"""People whose voice is a tone of their own, and what of it comes out of whose loudspeaker."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.e2e.people import Arrive, Meeting, Person

LOUDNESS = 0.2
QUIET = -12.0
SILENT = -45.0
"""dB; below it nobody hears anything."""

RECORDER = """
// Behind a Hann window by Goertzel's filter, every 512 samples of the audio's own clock: how loud each tone
// came in (input 1, before anything is mixed) and goes out (input 0), in dB of what was spoken.
registerProcessor('recorder', class extends AudioWorkletProcessor {
  constructor({processorOptions}) {
    super();
    Object.assign(this, processorOptions);
    this.length = 1024;
    this.hop = 512;
    this.kept = [new Float32Array(this.length), new Float32Array(this.length)];
    this.filled = 0;
  }
  strength(samples, tone) {
    const turn = (2 * Math.PI * tone) / sampleRate;
    let re = 0, im = 0;
    samples.forEach((sample, n) => {
      const weighed = sample * (1 - Math.cos((2 * Math.PI * n) / samples.length));
      re += weighed * Math.cos(turn * n);
      im += weighed * Math.sin(turn * n);
    });
    return Math.max(-120, 20 * Math.log10((2 * Math.hypot(re, im)) / samples.length / this.loudness + 1e-6));
  }
  process(inputs) {
    const size = 128;
    this.kept.forEach((kept, input) => {
      kept.copyWithin(0, size);
      kept.fill(0, kept.length - size);
      if (inputs[input][0]) kept.set(inputs[input][0], kept.length - size);
    });
    this.filled += size;
    if (this.filled >= this.length && this.filled % this.hop === 0) {
      const [out, came] = this.kept.map((kept) => this.tones.map((tone) => this.strength(kept, tone)));
      this.port.postMessage({at: (1000 * currentFrame) / sampleRate, levels: out, came});
    }
    return true;
  }
});
"""

_PAGE = """
(() => {
  const {pitch, loudness} = %s;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    if (wanted.video) throw new DOMException('no camera here', 'NotFoundError');
    const context = new AudioContext();
    const tone = context.createOscillator();
    const voice = context.createGain();
    const out = context.createMediaStreamDestination();
    tone.frequency.value = pitch;
    voice.gain.value = loudness;
    tone.connect(voice).connect(out);
    tone.start();
    window.__asked = wanted.audio;
    window.__sing = (other) => tone.frequency.setValueAtTime(other, context.currentTime);
    window.__say = (on) => voice.gain.setTargetAtTime(on ? loudness : 0, context.currentTime, 0.005);
    return out.stream;
  };
  const connect = AudioNode.prototype.connect;
  const voices = new Set();
  AudioNode.prototype.connect = function (target, ...more) {
    if (target instanceof AudioDestinationNode) {
      window.__out = this.context.createAnalyser();
      window.__out.fftSize = 2048;
      connect.call(this, window.__out);
      window.__master = this;
    }
    if (this instanceof MediaStreamAudioSourceNode && target instanceof GainNode) voices.add(this);
    return connect.call(this, target, ...more);
  };
  const samples = new Float32Array(2048);
  // Goertzel's filter behind a Hann window: the loudness of one tone, in dB of what was spoken.
  window.__level = (tone, length = samples.length) => {
    if (!window.__out) return -120;
    window.__out.getFloatTimeDomainData(samples);
    return strength(samples.subarray(samples.length - length), tone);
  };
  const strength = (samples, tone) => {
    const turn = (2 * Math.PI * tone) / window.__out.context.sampleRate;
    let re = 0, im = 0;
    samples.forEach((sample, n) => {
      const weighed = sample * (1 - Math.cos((2 * Math.PI * n) / samples.length));
      re += weighed * Math.cos(turn * n);
      im += weighed * Math.sin(turn * n);
    });
    const amplitude = (2 * Math.hypot(re, im)) / samples.length;
    return Math.max(-120, 20 * Math.log10(amplitude / loudness + 1e-6));
  };
  window.__record = async (tones, code) => {
    const heard = [];
    const {context} = window.__master;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
    const recorder = new AudioWorkletNode(context, 'recorder', {
      numberOfInputs: 2, numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit',
      processorOptions: {tones, loudness},
    });
    const given = () => window.__motesrum.snapshot.interpreting.heard;
    recorder.port.onmessage = ({data}) => heard.push({...data, given: given()});
    connect.call(window.__master, recorder, 0, 0);
    for (const voice of voices) if (voice.context === context) connect.call(voice, recorder, 0, 1);
    window.__recorded = () => { recorder.port.onmessage = null; return heard; };
  };
  window.__opus = [];
  const describe = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (wanted) {
    window.__opus.push(...(wanted.sdp.match(/^a=fmtp:.*useinbandfec.*$/gm) ?? []));
    return describe.call(this, wanted);
  };
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(url) { super(url); window.__socket = this; }
  };
})();
"""

BETWEEN = """async ([tone, low, high]) => {
  const level = window.__level(tone);
  if (level < low || level > high) return (window.__steady = 0, false);
  window.__steady = (window.__steady ?? 0) + 1;
  return window.__steady > 4 && {level};
}"""


@dataclass(frozen=True)
class Moment:
    """`at` in milliseconds of the audio's clock, which no busy machine stretches; `given`: whom the page is
    told to let through; dB of each voice behind the mixing, and as it `came`."""

    at: float
    given: str | None
    levels: tuple[float, ...]
    came: tuple[float, ...]


def longest(heard: Sequence[Moment], holds: Callable[[Moment], bool]) -> float:
    """Milliseconds for which it held in one piece."""
    began, most = None, 0.0
    for moment in heard:
        if not holds(moment):
            began = None
            continue
        began = moment.at if began is None else began
        most = max(most, moment.at - began)
    return most


def let_through(heard: Sequence[Moment]) -> list[Moment]:
    """What the mixing does to the voices, whatever the machine and the network did before: a voice that did
    not come at all is let through, or not, as it was last."""
    shown = []
    latest = list(heard[0].levels)
    for moment in heard:
        for number, (level, came) in enumerate(zip(moment.levels, moment.came, strict=True)):
            if came > QUIET:
                latest[number] = level - came
        shown.append(replace(moment, levels=tuple(latest)))
    return shown


def nobody(moment: Moment) -> bool:
    """Neither of the first two voices is heard."""
    return max(moment.levels[:2]) < QUIET


def both(moment: Moment) -> bool:
    return min(moment.levels[:2]) > QUIET


@dataclass(frozen=True)
class Speaker:
    """Somebody at a page with a voice of one tone, `pitch` in Hz."""

    person: Person
    pitch: float
    id: str

    async def hears(self, other: "Speaker", decibels: float = 0.0, within: float = 2.0) -> None:
        """That voice, so much changed against how it was spoken."""
        wanted = [other.pitch, decibels - within, decibels + within]
        try:
            await self.person.until(BETWEEN, wanted, deadline=20)
        except AssertionError:
            level = await self.person.page.evaluate("(tone) => window.__level(tone)", other.pitch)
            raise AssertionError(f"{other.pitch} Hz is heard at {level:.1f} dB, not {decibels}") from None

    async def hears_nothing_of(self, *others: "Speaker") -> None:
        for other in others:
            await self.person.until(BETWEEN, [other.pitch, -200, SILENT], deadline=20)

    async def speaks(self, aloud: bool) -> None:
        await self.person.page.evaluate("(aloud) => window.__say(aloud)", aloud)

    async def records(self, *others: "Speaker") -> None:
        """For who came with `recorder`: their page's content security policy lets no code of ours in."""
        await self.person.page.evaluate(
            "([tones, code]) => window.__record(tones, code)", [[o.pitch for o in others], RECORDER]
        )

    async def recorded(self) -> list[Moment]:
        """Every 11 ms since `records`."""
        found = await self.person.page.evaluate("window.__recorded()")
        return [Moment(one["at"], one["given"], tuple(one["levels"]), tuple(one["came"])) for one in found]

    async def loses_the_line(self) -> None:
        """The WebSocket, not the media."""
        await self.person.page.evaluate("window.__socket.close()")

    async def media_calls(self) -> list[str]:
        return [name for name in self.person.calls if name.startswith("media.")]

    async def sends_as(self, *wanted: str) -> bool:
        """Was the page asked to encode its sound so (RFC 7587)?"""
        lines: list[str] = await self.person.page.evaluate("window.__opus")
        return any(set(wanted) <= set(line.partition(" ")[2].split(";")) for line in lines)

    async def treats_sound(self) -> bool:
        """Echo, noise and loudness are changed before it is sent."""
        asked: dict[str, Any] = await self.person.page.evaluate("window.__asked")
        treated = {asked[one] for one in ("echoCancellation", "noiseSuppression", "autoGainControl")}
        assert len(treated) == 1, asked
        return bool(treated.pop())

    async def consumers(self) -> set[str]:
        return {str(one["id"]) for one in await self.person.stats()}


async def speaker(
    arrive: Arrive,
    meeting: Meeting,
    pitch: float,
    role: str,
    station: int | None = None,
    *,
    recorder: bool = False,
    **more: Any,
) -> Speaker:
    person = await arrive(bypass_csp=recorder)
    await person.page.add_init_script(_PAGE % f"{{pitch: {pitch}, loudness: {LOUDNESS}}}")
    await person.enter(await meeting.link(role, station, **more))
    return Speaker(person, pitch, await person.participant())
