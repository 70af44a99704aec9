"""Synthetic cameras and microphones send what a browser would: decodable VP8 and Opus, paced to real time."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from av import AudioFrame, CodecContext, Packet, VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp, rtp
from media.lettering import ink
from media.ortc import ABS_SEND_TIME, AUDIO_LEVEL, MID, TRANSPORT_CC
from media.pictures import Planes, Portrait, look, yuv
from media.sending import CapabilityMissing, OutgoingStream
from media.synthetic import Camera, Microphone, Vp8Encoder, vp8_payloads
from media.voices import FRAME, LOOP, SILENT, SLOTS, Spoken, Voice, loop
from media.vp8 import vp8_keyframe
from tests.support.rtc import Eventually

CAPABILITIES = {
    "codecs": [
        {
            "kind": "audio",
            "mimeType": "audio/opus",
            "preferredPayloadType": 100,
            "clockRate": 48000,
            "channels": 2,
            "parameters": {"useinbandfec": 1},
            "rtcpFeedback": [],
        },
        {
            "kind": "video",
            "mimeType": "video/VP8",
            "preferredPayloadType": 101,
            "clockRate": 90000,
            "parameters": {},
            "rtcpFeedback": [{"type": "nack", "parameter": "pli"}],
        },
    ],
    "headerExtensions": [
        {"kind": kind, "uri": uri, "preferredId": identifier}
        for uri, identifier in ((MID, 1), (ABS_SEND_TIME, 4), (TRANSPORT_CC, 5), (AUDIO_LEVEL, 10))
        for kind in ("audio", "video")
    ],
}


class Pictures:
    """What a camera sent: the payloads and media time of every picture."""

    def __init__(self) -> None:
        self.sent: list[tuple[list[bytes], float]] = []
        self.event = Eventually()

    def __call__(self, payloads: Sequence[bytes], media_time: float) -> None:
        self.sent.append((list(payloads), media_time))
        self.event.changed()

    def keyframes(self) -> list[int]:
        return [index for index, (payloads, _) in enumerate(self.sent) if vp8_keyframe(payloads[0])]


def decode_vp8(frames: Sequence[bytes]) -> list[VideoFrame]:
    decoder = CodecContext.create("vp8", "r")
    return [picture for frame in frames for picture in decoder.decode(Packet(frame))]  # type: ignore[attr-defined]


def without_descriptor(payloads: Sequence[bytes]) -> bytes:
    return b"".join(payload[4:] for payload in payloads)


async def test_a_camera_sends_moving_pictures_that_decode() -> None:
    sent = Pictures()
    camera = Camera(Portrait("Amina", look("newcomer")), sent, rate=20)
    await sent.event.until(lambda: len(sent.sent) >= 6)
    camera.close()
    pictures = decode_vp8([without_descriptor(payloads) for payloads, _ in sent.sent])
    assert {(picture.width, picture.height) for picture in pictures} == {(320, 180)}
    assert len(pictures) >= 6
    assert len({bytes(picture.planes[0]) for picture in pictures}) > 1


async def test_pictures_are_paced_and_stop_with_close() -> None:
    sent = Pictures()
    camera = Camera(Portrait("A", look("host")), sent, rate=20)
    await sent.event.until(lambda: len(sent.sent) >= 8)
    camera.close()
    count = len(sent.sent)
    times = [at for _, at in sent.sent]
    assert times[7] - times[0] > 6 / 20
    with pytest.raises(AssertionError, match="not within"):
        await sent.event.until(lambda: len(sent.sent) > count, deadline=0.2)


async def test_a_keyframe_comes_first_and_when_asked_for() -> None:
    sent = Pictures()
    camera = Camera(Portrait("A", look("host")), sent, rate=20)
    await sent.event.until(lambda: len(sent.sent) >= 10)
    assert sent.keyframes() == [0]
    asked = len(sent.sent)
    camera.request_keyframe()
    camera.request_keyframe()
    await sent.event.until(lambda: len(sent.sent) >= asked + 4)
    camera.close()
    assert sent.keyframes() == [0, asked]


async def test_a_muted_camera_sends_nothing() -> None:
    sent = Pictures()
    camera = Camera(Portrait("A", look("host")), sent, rate=20)
    await sent.event.until(lambda: sent.sent)
    camera.muted = True
    count = len(sent.sent)
    with pytest.raises(AssertionError, match="not within"):
        await sent.event.until(lambda: len(sent.sent) > count, deadline=0.2)
    camera.close()


def test_the_encoder_makes_small_pictures_and_keyframes_on_demand() -> None:
    portrait, encoder = Portrait("A", look("host")), Vp8Encoder(320, 180, 10)
    frames = []
    for number in range(30):
        if number == 20:
            encoder.keyframe()
        frames.append(encoder.encode(portrait.draw(number / 10, "12:00:00"), number * 9000))
    keys = [index for index, frame in enumerate(frames) if not frame[0] & 1]
    assert keys == [0, 20]
    assert sum(map(len, frames)) * 8 / 3 < 300_000
    assert len(decode_vp8(frames)) == 30


@given(st.binary(min_size=1, max_size=5000), st.integers(0, 2**20))
def test_payloads_carry_the_frame_and_its_picture_id(frame: bytes, picture: int) -> None:
    payloads = vp8_payloads(frame, picture)
    assert without_descriptor(payloads) == frame
    assert max(map(len, payloads)) <= 1100
    assert [payload[0] for payload in payloads] == [0x90] + [0x80] * (len(payloads) - 1)
    for payload in payloads:
        assert payload[1] == 0x80
        assert int.from_bytes(payload[2:4], "big") == 0x8000 | picture & 0x7FFF


def test_a_portrait_shows_its_colour_its_label_and_the_time() -> None:
    portrait = Portrait("Skatteverket", look("officer"))
    early, late = portrait.draw(1.0, "12:00:00"), portrait.draw(1.0, "12:00:01")
    assert early.luma != late.luma
    unlabelled = Portrait("", look("officer")).draw(1.0, "12:00:00")
    sign = slice(24 * 320, 54 * 320)
    assert max(early.luma[sign]) > 220
    assert early.luma[sign] != unlabelled.luma[sign]
    assert early.blue[45 * 160] == yuv(look("officer").background)[1]


def test_every_size_that_is_allowed_can_be_drawn() -> None:
    for width, height in ((64, 36), (160, 90), (320, 240), (640, 360), (200, 200)):
        planes = Portrait("Värd · Karin Åberg", look("host"), width, height).draw(3.3, "23:59:59", 1.0)
        sizes = (len(planes.luma), len(planes.blue), len(planes.red))
        assert sizes == (width * height, width * height // 4, width * height // 4)
    for width, height in ((63, 36), (64, 37), (100, 200), (16, 10)):
        with pytest.raises(ValueError, match="even sides"):
            Portrait("x", look("host"), width, height)


def test_letters_differ_and_unknown_ones_leave_no_mark() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ÅÄÖåäöéü:.,-·/()?'"
    drawn = {ink(letter, 20).rows for letter in alphabet}
    assert len(drawn) == len(alphabet)
    assert ink("A漢B", 20).rows == ink("AB", 20).rows
    assert ink("漢", 20).height > 0


def loudness(sound: Sequence[Spoken], slot: int) -> float:
    per_slot = len(sound) // SLOTS
    part = sound[slot * per_slot : (slot + 1) * per_slot]
    return sum(spoken.level < 50 for spoken in part) / per_slot


def test_a_voice_speaks_in_its_turns_with_pauses() -> None:
    sound = loop(Voice(pitch=120, turns=(1, 4)))
    assert len(sound) == LOOP / FRAME
    for slot in range(SLOTS):
        spoken = loudness(sound, slot)
        assert 0.3 < spoken < 0.9 if slot in (1, 4) else spoken == 0


def test_a_voice_is_opus_whose_levels_tell_the_truth() -> None:
    sound = loop(Voice(pitch=120, turns=(1, 4)))
    decoder = CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48000, "mono"  # type: ignore[attr-defined]
    first = int(LOOP / SLOTS / FRAME)
    frames: list[AudioFrame] = []
    for spoken in sound[first : first + 100]:
        frames += decoder.decode(Packet(spoken.payload))  # type: ignore[attr-defined]
    assert {frame.samples for frame in frames} == {960}
    peaks = [max(map(abs, memoryview(bytes(frame.planes[0])).cast("h"))) for frame in frames]
    spoken_levels = [spoken.level for spoken in sound[first : first + 100]]
    loud = [peak for peak, level in zip(peaks, spoken_levels, strict=True) if level < 25]
    assert min(loud) > 500
    assert SILENT in {spoken.level for spoken in sound}


def test_voices_have_pitches_of_their_own_and_are_made_once() -> None:
    assert loop(Voice(pitch=120, turns=(1, 4))) is loop(Voice(pitch=120, turns=(1, 4)))
    assert loop(Voice(pitch=120, turns=(1, 4))) != loop(Voice(pitch=200, turns=(1, 4)))


async def test_a_microphone_is_paced_in_step_with_the_clock() -> None:
    event, sent = Eventually(), list[tuple[Spoken, float]]()
    sound = [Spoken(bytes((number & 255,)), 30) for number in range(int(LOOP / FRAME))]

    def send(spoken: Spoken, media_time: float) -> None:
        sent.append((spoken, media_time))
        event.changed()

    microphone = Microphone(sound, send)
    await event.until(lambda: len(sent) >= 20)
    microphone.close()
    now = asyncio.get_running_loop().time()
    assert all(b - a == pytest.approx(FRAME) for (_, a), (_, b) in pairwise(sent))
    assert 0 <= now - sent[-1][1] < 1.0
    assert sent[0][0] == sound[int(sent[0][1] % LOOP / FRAME)]
    assert microphone.level > 0.3
    count = len(sent)
    with pytest.raises(AssertionError, match="not within"):
        await event.until(lambda: len(sent) > count, deadline=0.1)


def outgoing(kind: str) -> OutgoingStream:
    return OutgoingStream(kind, CAPABILITIES, mid="3", cname="bot")


def test_a_stream_describes_itself_as_mediasoup_does() -> None:
    stream = outgoing("audio")
    parameters = stream.parameters
    assert parameters["mid"] == "3"
    assert parameters["encodings"] == [{"ssrc": stream.ssrc}]
    assert parameters["rtcp"] == {"cname": "bot", "reducedSize": True}
    [codec] = parameters["codecs"]
    assert (codec["mimeType"], codec["payloadType"], codec["channels"]) == ("audio/opus", 100, 2)
    assert {entry["uri"] for entry in parameters["headerExtensions"]} == {
        MID,
        ABS_SEND_TIME,
        TRANSPORT_CC,
        AUDIO_LEVEL,
    }
    assert "channels" not in outgoing("video").parameters["codecs"][0]


def test_packets_carry_mid_send_time_sequence_and_level() -> None:
    stream = outgoing("audio")
    first = rtp.parse(stream.packet(b"a", 10.0, 1_700_000_000.0, level=22))
    second = rtp.parse(stream.packet(b"b", 10.02, 1_700_000_000.02, level=SILENT))
    assert second.sequence == (first.sequence + 1) & 0xFFFF
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 960
    assert first.extensions[1] == b"3"
    assert first.extensions[4] == rtp.abs_send_time(1_700_000_000.0)
    assert int.from_bytes(second.extensions[5], "big") == int.from_bytes(first.extensions[5], "big") + 1
    assert rtp.audio_level(first.extensions[10]) == (22, True)
    assert rtp.audio_level(second.extensions[10]) == (SILENT, False)


def test_a_sender_report_ties_media_time_to_the_wall() -> None:
    stream = outgoing("video")
    sent = rtp.parse(stream.packet(b"abc", 5.0, 1_700_000_000.0))
    report = rtcp.parse(stream.report(6.0, 1_700_000_001.0))[0]
    assert isinstance(report, rtcp.SenderReport)
    assert rtp.from_ntp(report.ntp) == pytest.approx(1_700_000_001.0, abs=1e-6)
    assert (report.rtp_timestamp - sent.timestamp) & 0xFFFFFFFF == 90_000
    assert (report.packet_count, report.octet_count) == (1, 3)


def test_a_router_without_the_codec_is_named() -> None:
    with pytest.raises(CapabilityMissing, match="video/vp8"):
        OutgoingStream("video", {"codecs": CAPABILITIES["codecs"][:1]}, mid="0", cname="x")


def test_planes_mix_the_edges_of_shapes() -> None:
    planes = Planes(64, 64)
    planes.ellipse(32, 32, 10.5, 10, (200, 128, 128))
    middle = planes.luma[32 * 64 : 33 * 64]
    assert middle[32] == 200
    assert 0 < middle[21] < 200 > middle[42] > 0
    assert middle[10] == 0
