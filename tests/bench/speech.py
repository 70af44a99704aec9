"""Speech for a browser's microphone, and how much of it can be understood at the other end (STOI)."""

import base64
import shutil
import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy
from pystoi import stoi
from scipy.signal import correlate, resample_poly

RATE = 48_000
ALIGNED = ((0.5, 0.5, 0.15), (0.1, 0.4, 0.06))
"""Seconds of sound that are aligned at a time, by so many around them, which may lie elsewhere than those
before tell by so many. A browser stretches and shortens what it plays: where 6 % is stretched in jumps of
10 ms and all else is as it was said, the first tells 0.89 and the second 0.94; where something is missing,
both tell the same.
"""
WORDS = (
    "Välkommen till mötet. Vi börjar med folkbokföringen och går sedan vidare till barnbidraget. "
    "Har du med dig ditt pass och ditt uppehållstillstånd? Tolken översätter allt som sägs här i dag."
)

RECORD = """async (seconds) => {
  const sounds = window.__came.filter((track) => track.kind === 'audio' && track.readyState === 'live');
  const track = sounds.filter((one) => !one.muted).at(-1);
  const reader = new MediaStreamTrackProcessor({track, maxBufferSize: 1000}).readable.getReader();
  const parts = [];
  let rate = 48000;
  for (let count = 0; count < seconds * rate;) {
    const {value, done} = await reader.read();
    if (done) break;
    const samples = new Float32Array(value.numberOfFrames);
    value.copyTo(samples, {planeIndex: 0, format: 'f32-planar'});
    rate = value.sampleRate;
    count += samples.length;
    value.close();
    parts.push(Int16Array.from(samples, (each) => Math.max(-1, Math.min(1, each)) * 32767));
  }
  await reader.cancel();
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  return {rate, sound: btoa(text)};
}"""
NOTE_TRACKS = """
window.__came = [];
const set = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function (...all) {
  if (!this.noted) this.addEventListener('track', ({track}) => window.__came.push(track));
  this.noted = true;
  return set.apply(this, all);
};
"""

Sound = Any
"""A numpy array of samples, -1 to 1, `RATE` of them a second."""


def spoken(path: Path) -> Sound:
    """Write the words as a WAV file by espeak-ng; its sound."""
    if shutil.which("espeak-ng") is None:
        raise SystemExit("speech is made by Debian's package espeak-ng: sudo apt-get install espeak-ng")
    raw = path.with_suffix(".raw.wav")
    subprocess.run(["espeak-ng", "-v", "sv", "-s", "150", "-w", str(raw), WORDS], check=True)
    with wave.open(str(raw)) as file:
        rate = file.getframerate()
        samples = numpy.frombuffer(file.readframes(file.getnframes()), numpy.int16) / 32768
    sound = resample_poly(samples, RATE, rate)
    sound = sound / numpy.abs(sound).max() * 0.5
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).astype(numpy.int16).tobytes())
    return sound


def recorded(answer: dict[str, Any]) -> Sound:
    samples = numpy.frombuffer(base64.b64decode(answer["sound"]), numpy.int16) / 32768
    return samples if answer["rate"] == RATE else resample_poly(samples, RATE, answer["rate"])


def understood(said: Sound, heard: Sound) -> float:
    """STOI of what was heard of a text that is said over and over, 0 to 1: as it is aligned best."""
    return max(_aligned(said, heard, *(int(each * RATE) for each in how)) for how in ALIGNED)


def _aligned(said: Sound, heard: Sound, size: int, around: int, near: int) -> float:
    start = 2 * RATE
    loop = numpy.concatenate([said] * (3 + len(heard) // len(said)))
    at = int(numpy.argmax(correlate(loop[: len(said) + start], heard[:start], "valid", "fft")))
    pieces = []
    for begin in range(0, len(heard) - around, size):
        first = max(0, begin - (around - size) // 2)
        piece = heard[first : first + around]
        least = max(0, at + first - near)
        found = correlate(loop[least : at + first + near + around], piece, "valid", "fft")
        if numpy.abs(piece).max() > 0.01:
            at = least + int(numpy.argmax(found)) - first
        pieces.append(loop[at + begin : at + begin + size])
    return float(stoi(numpy.concatenate(pieces), heard[: len(pieces) * size], RATE))
