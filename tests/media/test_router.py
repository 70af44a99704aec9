"""Routers with literal time: what is forwarded how, what is asked upstream, what close takes along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp, rtp
from media.burst import Burst
from media.errors import WorkerError
from media.ice import CONSENT
from media.pli import KeyframeRequests
from media.producer import Producer
from media.router import MAX_TRANSPORTS_PER_OWNER
from media.sequence import REACH, SeenWindow, SequenceMap
from media.stats import Drop
from media.stream import Media
from media.table import PermissionTable
from media.transport import MAX_PRODUCERS, Transport, TransportState
from tests.media.endpoint import (
    DELTA,
    KEYFRAME,
    OPUS_PARAMETERS,
    SIMULCAST_PARAMETERS,
    VP8_PARAMETERS,
    Source,
    opus,
    vp8,
)
from tests.media.room import DEVICE, Room, out, plis

LISTENER = {"listener": {"speaker": ["microphone", "camera"]}}
MID, RID, REPAIRED_RID, ABS_SEND_TIME = 4, 10, 11, 2


@pytest.fixture
def room() -> Iterator[Room]:
    opened = Room()
    opened.allow(LISTENER)
    yield opened
    opened.close()


def speaker_and_listener(room: Room) -> tuple[Transport, Transport]:
    return room.transport("speaker", "send"), room.transport("listener", "recv")


def camera(room: Room, speaker: Transport, parameters: dict[str, Any] = VP8_PARAMETERS) -> Producer:
    return room.produce(speaker, "cam", "video", "camera", parameters)


def microphone(room: Room, speaker: Transport) -> Producer:
    return room.produce(speaker, "mic", "audio", "microphone", OPUS_PARAMETERS)


def send(room: Room, transport: Transport, *packets: bytes) -> None:
    for packet in packets:
        transport.receive_rtp([packet], room.now)


def control(room: Room, transport: Transport, packet: bytes) -> None:
    transport._receive_rtcp(packet, room.now)


# forwarding


def test_a_packet_keeps_its_payload_marker_and_timestamp(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    consumer = room.consume(listener, microphone(room, speaker))
    send(room, speaker, opus().packet(b"voice", marker=True))
    (packet,) = out(listener).rtp
    assert (packet.payload, packet.marker, packet.timestamp) == (b"voice", True, 1_000_000)
    assert packet.ssrc == consumer.ssrc != 1111
    assert packet.payload_type == 100


def test_packets_for_listeners_are_not_kept(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    producer = camera(room, speaker)
    for number in range(3):
        room.consume(listener, producer, f"c{number}")
    send(room, speaker, vp8().packet(KEYFRAME))
    assert [each.payload for each in out(listener).rtp] == [KEYFRAME] * 3
    assert len({each.ssrc for each in out(listener).rtp}) == 3
    kept = kept_of(producer, room)
    assert kept.payload == KEYFRAME
    assert kept.packets == {}


def test_listeners_of_one_form_share_a_packet(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    producer = camera(room, speaker)
    send(room, speaker, vp8().packet(KEYFRAME))
    consumers = [room.consume(listener, producer, f"c{number}") for number in range(2)]
    burst = Burst(kept_of(producer, room))
    consumers[0].forward(burst)
    ((form, packet),) = burst.media[0].packets.items()
    burst.media[0].packets[form] = packet[:-1] + b"!"
    consumers[1].forward(burst)
    assert [each.payload for each in out(listener).rtp] == [KEYFRAME, KEYFRAME[:-1] + b"!"]


def kept_of(producer: Producer, room: Room) -> Media:
    """The first packet that its source has sent."""
    (stream,) = producer.present_streams
    kept = stream.recent.get(vp8().sequence, room.now)
    assert kept is not None
    return kept


def test_nothing_flows_before_resume(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    consumer = room.router.consume("c", listener, microphone(room, speaker))
    voice = opus()
    send(room, speaker, voice.packet())
    assert out(listener).rtp == []
    consumer.resume(room.now)
    send(room, speaker, voice.packet())
    assert len(out(listener).rtp) == 1


def test_a_lost_packet_leaves_a_gap_and_a_late_one_fills_it(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, microphone(room, speaker))
    voice = opus()
    packets = [voice.packet(bytes((n,))) for n in range(4)]
    send(room, speaker, packets[0], packets[2], packets[1], packets[3])
    first = out(listener).rtp[0].sequence
    assert [(each.sequence - first) & 0xFFFF for each in out(listener).rtp] == [0, 2, 1, 3]


def test_a_repeated_packet_is_forwarded_once(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, microphone(room, speaker))
    packet = opus().packet()
    send(room, speaker, packet, packet)
    assert len(out(listener).rtp) == 1
    assert speaker.traffic.drops[Drop.OUT_OF_SEQUENCE] == 1


def test_a_probe_without_payload_leaves_no_gap(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, camera(room, speaker))
    source = vp8()
    probe = bytearray(source.packet(KEYFRAME))
    send(room, speaker, bytes(probe))
    padding = bytearray(source.packet(bytes(19) + b"\x14"))
    padding[0] |= 0x20
    send(room, speaker, bytes(padding), source.packet(DELTA))
    first, second = out(listener).rtp
    assert (second.sequence - first.sequence) & 0xFFFF == 1


def test_a_resent_packet_takes_the_place_of_the_lost_one(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, camera(room, speaker))
    source = vp8()
    first, lost, third = source.packet(KEYFRAME), source.packet(DELTA), source.packet(DELTA)
    send(room, speaker, first, third)
    original = rtp.parse(lost)
    resent = rtp.build(
        payload_type=97,
        sequence=1,
        timestamp=original.timestamp,
        ssrc=2223,
        payload=original.sequence.to_bytes(2, "big") + original.payload,
    )
    again = rtp.build(
        payload_type=97,
        sequence=2,
        timestamp=original.timestamp,
        ssrc=2223,
        payload=original.sequence.to_bytes(2, "big") + original.payload,
    )
    send(room, speaker, resent, again)
    start = out(listener).rtp[0].sequence
    assert [(each.sequence - start) & 0xFFFF for each in out(listener).rtp] == [0, 2, 1]
    assert out(listener).rtp[-1].payload == DELTA


def test_audio_level_passes_and_the_publishers_mid_does_not(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, microphone(room, speaker))
    send(room, speaker, opus().packet(extensions={1: b"\x90", MID: b"0", 3: b"\x00\x01"}))
    assert out(listener).rtp[0].extensions == {10: b"\x90"}


def test_each_consumer_of_a_transport_has_a_media_section_of_its_own(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    talking = microphone(room, speaker)
    sound = room.consume(listener, talking)
    picture = room.consume(listener, camera(room, speaker))
    sound.close()
    again = room.consume(listener, talking, "again")
    assert len({each.parameters["mid"] for each in (sound, picture, again)}) == 3


def test_the_time_of_sending_is_ours_on_video_and_absent_on_audio(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, camera(room, speaker))
    room.consume(listener, microphone(room, speaker))
    send(room, speaker, vp8().packet(KEYFRAME, extensions={ABS_SEND_TIME: b"\x01\x02\x03"}), opus().packet())
    picture, sound = out(listener).rtp
    assert picture.extensions == {4: rtp.abs_send_time(room.now)}
    assert sound.extensions == {}


def test_packets_that_do_not_belong_are_counted_by_reason(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, microphone(room, speaker))
    other = room.transport("other", "send")
    send(room, speaker, opus(ssrc=4242).packet(), Source(1111, 50, 960).packet(), b"\x80\x00")
    send(room, other, opus().packet())
    control(room, speaker, b"\x80\xc8\x00\x09")
    assert out(listener).rtp == []
    assert speaker.traffic.drops == {
        Drop.UNKNOWN_SSRC: 1,
        Drop.UNKNOWN_PAYLOAD_TYPE: 1,
        Drop.MALFORMED_RTP: 1,
        Drop.MALFORMED_RTCP: 1,
    }
    assert other.traffic.drops == {Drop.UNKNOWN_SSRC: 1}


def test_a_paused_producer_is_silent_and_goes_on_without_a_gap(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    producer = camera(room, speaker)
    room.consume(listener, producer)
    source = vp8()
    send(room, speaker, source.packet(KEYFRAME))
    producer.pause()
    send(room, speaker, source.packet(KEYFRAME), source.packet(KEYFRAME))
    producer.resume(room.now)
    send(room, speaker, source.packet(DELTA), source.packet(KEYFRAME), source.packet(DELTA))
    assert plis(speaker) == [2222]
    first = out(listener).rtp[0].sequence
    assert [(each.sequence - first) & 0xFFFF for each in out(listener).rtp] == [0, 1, 2]
    assert [each.payload for each in out(listener).rtp] == [KEYFRAME, KEYFRAME, DELTA]


def test_two_listeners_get_the_same_media_under_ssrcs_of_their_own(room: Room) -> None:
    room.allow({"listener": {"speaker": ["camera"]}, "second": {"speaker": ["camera"]}})
    speaker, listener = speaker_and_listener(room)
    second = room.transport("second", "recv")
    producer = camera(room, speaker)
    assert room.consume(listener, producer).ssrc != room.consume(second, producer).ssrc
    send(room, speaker, vp8().packet(KEYFRAME))
    assert out(listener).rtp[0].payload == out(second).rtp[0].payload == KEYFRAME


# keyframes


def test_a_video_consumer_begins_with_a_keyframe_which_is_asked_for_at_resume(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    producer = camera(room, speaker)
    source = vp8()
    send(room, speaker, source.packet(DELTA))
    room.now += 0.5
    send(room, speaker, source.packet(DELTA))
    room.consume(listener, producer)
    assert plis(speaker) == [2222]
    send(room, speaker, source.packet(DELTA), source.packet(KEYFRAME), source.packet(DELTA))
    assert [each.payload for each in out(listener).rtp] == [KEYFRAME, DELTA]
    assert listener.traffic.drops[Drop.AWAITING_KEYFRAME] == 1


def test_a_keyframe_is_asked_for_when_the_listeners_transport_connects(room: Room) -> None:
    speaker = room.transport("speaker", "send")
    listener = room.transport("listener", "recv", connected=False)
    producer = camera(room, speaker)
    send(room, speaker, vp8().packet(DELTA))
    room.consume(listener, producer)
    assert plis(speaker) == []
    out(listener).state = type(out(listener).state).CONNECTED
    listener._dtls_changed(out(listener).state)
    assert plis(speaker) == [2222]


def test_a_waiting_consumer_asks_again_every_second_until_a_keyframe_comes(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, camera(room, speaker))
    source = vp8()
    for _ in range(120):
        send(room, speaker, source.packet(DELTA))
        room.tick()
    assert len(plis(speaker)) == 3
    send(room, speaker, source.packet(KEYFRAME))
    for _ in range(120):
        room.tick()
    assert len(plis(speaker)) == 3


def test_requests_of_listeners_are_coalesced_throttled_and_not_lost(room: Room) -> None:
    room.allow({"listener": {"speaker": ["camera"]}, "second": {"speaker": ["camera"]}})
    speaker, listener = speaker_and_listener(room)
    second = room.transport("second", "recv")
    producer = camera(room, speaker)
    one, two = room.consume(listener, producer), room.consume(second, producer)
    send(room, speaker, vp8().packet(KEYFRAME))
    for _ in range(5):
        control(room, listener, rtcp.build_pli(1, one.ssrc))
        control(room, second, rtcp.build_fir(1, two.ssrc, 1))
    assert plis(speaker) == [2222]
    for _ in range(38):
        room.tick()
    assert len(plis(speaker)) == 1
    for _ in range(3):
        room.tick()
    assert len(plis(speaker)) == 2
    for _ in range(80):
        room.tick()
    assert len(plis(speaker)) == 2


def test_a_request_naming_another_listeners_ssrc_is_ignored(room: Room) -> None:
    room.allow({"listener": {"speaker": ["camera"]}, "second": {"speaker": ["camera"]}})
    speaker, listener = speaker_and_listener(room)
    second = room.transport("second", "recv")
    consumer = room.consume(listener, camera(room, speaker))
    send(room, speaker, vp8().packet(KEYFRAME))
    control(room, second, rtcp.build_pli(1, consumer.ssrc))
    assert plis(speaker) == []


# simulcast


def layer_packet(source: Source, rid: str, payload: bytes, *, resent: bool = False) -> bytes:
    return source.packet(payload, extensions={MID: b"1", REPAIRED_RID if resent else RID: rid.encode()})


def test_layers_are_learned_from_mid_and_rid_and_the_highest_active_one_is_forwarded(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    producer = camera(room, speaker, SIMULCAST_PARAMETERS)
    low, high = Source(31, 96, 3000), Source(33, 96, 3000, timestamp=77_000_000)
    send(room, speaker, layer_packet(low, "q", DELTA), layer_packet(high, "f", DELTA))
    room.consume(listener, producer)
    assert plis(speaker) == [33]
    send(room, speaker, low.packet(KEYFRAME), high.packet(KEYFRAME), low.packet(DELTA), high.packet(DELTA))
    assert [each.timestamp for each in out(listener).rtp] == [77_003_000, 77_006_000]
    assert speaker.ssrcs_of(producer) == {"31": {"layer": 0, "rtx": False}, "33": {"layer": 2, "rtx": False}}


def test_a_top_layer_that_never_starts_or_has_stopped_does_not_keep_the_picture_black(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    producer = camera(room, speaker, SIMULCAST_PARAMETERS)
    low, high = Source(31, 96, 3000), Source(33, 96, 3000)
    send(room, speaker, layer_packet(high, "f", DELTA))
    room.now += 1.5
    send(room, speaker, layer_packet(low, "q", DELTA))
    room.consume(listener, producer)
    assert plis(speaker) == [31]
    send(room, speaker, low.packet(KEYFRAME))
    assert len(out(listener).rtp) == 1


def test_a_layer_that_only_probes_is_not_chosen(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    producer = camera(room, speaker, SIMULCAST_PARAMETERS)
    low, high = Source(31, 96, 3000), Source(33, 96, 3000)
    probe = bytearray(layer_packet(high, "f", bytes(19) + b"\x14"))
    probe[0] |= 0x20
    send(room, speaker, bytes(probe), layer_packet(low, "q", DELTA))
    room.consume(listener, producer)
    assert plis(speaker) == [31]


def test_a_preferred_layer_limits_the_choice_at_the_start(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    producer = camera(room, speaker, SIMULCAST_PARAMETERS)
    low, high = Source(31, 96, 3000), Source(33, 96, 3000)
    send(room, speaker, layer_packet(low, "q", DELTA), layer_packet(high, "f", DELTA))
    consumer = room.router.consume("c", listener, producer)
    consumer.prefer(1, None, room.now)
    consumer.resume(room.now)
    assert plis(speaker) == [31]


def test_a_resent_stream_may_come_before_its_media(room: Room) -> None:
    speaker, _ = speaker_and_listener(room)
    camera(room, speaker, SIMULCAST_PARAMETERS)
    send(room, speaker, layer_packet(Source(41, 97, 3000), "q", b"\x00\x01x", resent=True))
    send(room, speaker, layer_packet(Source(31, 96, 3000), "q", KEYFRAME))
    assert speaker.ssrcs_of(speaker.producers["cam"]) == {
        "41": {"layer": 0, "rtx": True},
        "31": {"layer": 0, "rtx": False},
    }


def test_learning_is_bounded_however_many_ssrcs_come(room: Room) -> None:
    speaker, _ = speaker_and_listener(room)
    producer = camera(room, speaker, SIMULCAST_PARAMETERS)
    for ssrc in range(1000, 1200):
        send(room, speaker, layer_packet(Source(ssrc, 96, 3000), "q", KEYFRAME), opus(ssrc).packet())
        send(room, speaker, layer_packet(Source(ssrc + 5000, 96, 3000), "unknown", KEYFRAME))
    assert list(speaker.ssrcs_of(producer)) == ["1199"]
    assert len(speaker._incoming) == 1


def test_a_stream_that_changes_its_ssrc_goes_on_at_the_next_keyframe(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, camera(room, speaker, SIMULCAST_PARAMETERS))
    before, after = Source(31, 96, 3000), Source(32, 96, 3000, timestamp=5_000_000)
    send(room, speaker, layer_packet(before, "q", KEYFRAME))
    send(room, speaker, layer_packet(after, "q", DELTA), after.packet(KEYFRAME), before.packet(DELTA))
    first, second = out(listener).rtp
    assert (second.sequence - first.sequence) & 0xFFFF == 1
    assert second.timestamp == first.timestamp + 1


# reports


def test_sender_reports_pass_with_the_consumers_ssrc_and_counts(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    consumer = room.consume(listener, microphone(room, speaker))
    voice = opus()
    send(room, speaker, voice.packet(b"12345"), voice.packet(b"12345"))
    report = rtcp.build_sender_report(
        1111, ntp=5 << 32, rtp_timestamp=1_000_960, packet_count=99, octet_count=99, cname="private name"
    )
    control(room, speaker, report)
    relayed, described = out(listener).rtcp
    assert relayed == rtcp.SenderReport(consumer.ssrc, 5 << 32, 1_000_960, 2, 10)
    assert described == rtcp.SourceDescription(((consumer.ssrc, consumer.cname),))
    assert consumer.cname != "private name"


def test_no_report_passes_before_the_first_packet(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, microphone(room, speaker))
    control(
        room,
        speaker,
        rtcp.build_sender_report(1111, ntp=1, rtp_timestamp=1, packet_count=1, octet_count=1, cname="x"),
    )
    assert out(listener).rtcp == []


@pytest.mark.parametrize("later", [(), (0.02,), (0.02, 0.1)], ids=["last", "last but one", "one before"])
def test_the_round_trip_comes_from_the_listeners_answer_to_any_of_the_last_reports(
    room: Room, later: tuple[float, ...]
) -> None:
    speaker, listener = speaker_and_listener(room)
    consumer = room.consume(listener, microphone(room, speaker))
    send(room, speaker, opus().packet())
    for number, passes in enumerate((0.0, *later)):
        room.now += passes
        report = rtcp.build_sender_report(
            1111, ntp=7 + number << 32, rtp_timestamp=1_000_000, packet_count=1, octet_count=1, cname="x"
        )
        control(room, speaker, report)
    room.now += 0.25 - sum(later)
    block = rtcp.ReportBlock(consumer.ssrc, 0, 0, 1, 0, lsr=7 << 16, dlsr=int(0.2 * 65536))
    control(room, listener, rtcp.build_receiver_report(1, [block]))
    assert listener.rtt == pytest.approx(0.05, abs=0.001)


def test_a_goodbye_breaks_nothing(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, microphone(room, speaker))
    voice = opus()
    send(room, speaker, voice.packet())
    control(room, speaker, rtcp.build_goodbye([1111]))
    send(room, speaker, voice.packet())
    assert len(out(listener).rtp) == 2
    assert out(listener).rtcp == []


def test_publishers_get_congestion_feedback_every_50_ms_and_reports_every_second(room: Room) -> None:
    speaker, _ = speaker_and_listener(room)
    microphone(room, speaker)
    voice = opus()
    for number in range(120):
        send(room, speaker, voice.packet(extensions={3: number.to_bytes(2, "big")}))
        room.tick()
    feedback = [each for each in out(speaker).rtcp if isinstance(each, rtcp.RtcpBlock) and each.count == 15]
    reports = [each for each in out(speaker).rtcp if isinstance(each, rtcp.ReceiverReport)]
    assert len(feedback) == 60
    assert len(reports) == 3
    assert {block.ssrc for each in reports for block in each.reports} == {1111}


def test_a_transport_that_fails_is_closed_and_the_others_go_on(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    speaker, listener = speaker_and_listener(room)
    microphone(room, speaker)
    monkeypatch.setattr(speaker.dtls, "send_rtcp", None)
    send(room, speaker, opus().packet())
    room.tick()
    assert speaker.state is TransportState.CLOSED
    assert list(room.router.transports.values()) == [listener]
    assert "met a fault" in caplog.text


def test_speakers_are_told(room: Room) -> None:
    speaker, _ = speaker_and_listener(room)
    microphone(room, speaker)
    voice = opus()
    for _ in range(40):
        send(room, speaker, voice.packet(extensions={1: b"\x8a"}))
        room.tick()
    for _ in range(80):
        room.tick()
    told = [data["levels"] for name, data in room.events if name == "speakers"]
    assert told[0][0]["owner"] == "speaker"
    assert told[-1] == []
    assert [] not in told[:-1]


# transports


def test_without_bindings_for_30_s_a_transport_is_disconnected_and_sends_nothing(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, microphone(room, speaker))
    voice = opus()
    for _ in range(int(CONSENT)):
        room.tick(1.0)
        room.bind(speaker)
    assert listener.state is TransportState.DISCONNECTED
    send(room, speaker, voice.packet())
    assert out(listener).rtp == []
    assert listener._send(b"anything") is False
    room.bind(listener)
    assert listener.state is TransportState.CONNECTED
    send(room, speaker, voice.packet())
    assert len(out(listener).rtp) == 1
    states = [data["state"] for name, data in room.events if data.get("transport") == listener.id]
    assert states == ["connected", "disconnected", "connected"]


def test_video_begins_anew_when_a_lost_listener_comes_back(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, camera(room, speaker))
    source = vp8()
    send(room, speaker, source.packet(KEYFRAME))
    for _ in range(int(CONSENT)):
        room.tick(1.0)
        room.bind(speaker)
    send(room, speaker, source.packet(DELTA))
    room.bind(listener)
    assert plis(speaker) == [2222]
    send(room, speaker, source.packet(DELTA), source.packet(KEYFRAME))
    assert [each.payload for each in out(listener).rtp] == [KEYFRAME, KEYFRAME]


def test_closing_a_transport_takes_its_producers_and_their_consumers_along(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, microphone(room, speaker), "sound")
    room.consume(listener, camera(room, speaker), "picture")
    speaker.close()
    speaker.close()
    assert room.events[-5:] == [
        ("consumerClosed", {"consumer": "sound", "reason": "producer_closed"}),
        ("producerClosed", {"producer": "mic"}),
        ("consumerClosed", {"consumer": "picture", "reason": "producer_closed"}),
        ("producerClosed", {"producer": "cam"}),
        (
            "transportState",
            {"transport": "speaker-send", "owner": "speaker", "room": "room", "state": "closed"},
        ),
    ]
    assert listener.consumers == {}
    assert room.router.consumers == {}


def test_a_peer_that_says_goodbye_over_dtls_closes_its_transport(room: Room) -> None:
    speaker, _ = speaker_and_listener(room)
    microphone(room, speaker)
    speaker._dtls_changed(type(out(speaker).state).CLOSED)
    assert room.router.producers == {}
    assert speaker.state is TransportState.CLOSED


def test_after_close_no_entry_remains(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    room.consume(listener, microphone(room, speaker))
    room.consume(listener, camera(room, speaker))
    send(room, speaker, opus().packet(extensions={1: b"\x8a"}))
    room.router.close()
    router = room.router
    assert (router.transports, router.producers, router.consumers) == ({}, {}, {})
    assert (router._thresholds, router._cnames, router.speakers._voices) == ({}, {}, {})
    assert (speaker._incoming, listener.consumers, len(room.port.agent)) == ({}, {}, 0)


def test_what_does_not_fit_is_refused_with_a_code(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    producer = microphone(room, speaker)

    def code(action: Any) -> str:
        with pytest.raises(WorkerError) as refused:
            action()
        return refused.value.code

    assert (
        code(lambda: room.produce(listener, "x", "audio", "microphone", OPUS_PARAMETERS)) == "wrong_direction"
    )
    assert code(lambda: room.consume(speaker, producer)) == "wrong_direction"
    assert code(lambda: room.produce(speaker, "x", "audio", "radio", OPUS_PARAMETERS)) == "invalid_parameters"
    assert code(lambda: room.produce(speaker, "x", "audio", "microphone", {})) == "invalid_parameters"
    assert code(lambda: room.produce(speaker, "x", "audio", "microphone", OPUS_PARAMETERS)) == (
        "invalid_parameters"
    )
    assert "x" not in room.router.producers
    for number in range(MAX_PRODUCERS - 1):
        parameters = {**OPUS_PARAMETERS, "encodings": [{"ssrc": 9000 + number}]}
        room.produce(speaker, f"more-{number}", "audio", "microphone", parameters)
    parameters = {**OPUS_PARAMETERS, "encodings": [{"ssrc": 9999}]}
    assert code(lambda: room.produce(speaker, "x", "audio", "microphone", parameters)) == "limit_reached"


def test_a_device_that_cannot_decode_gets_no_consumer(room: Room) -> None:
    speaker, listener = speaker_and_listener(room)
    listener.device = type(listener.device)((), frozenset())
    with pytest.raises(WorkerError) as refused:
        room.consume(listener, camera(room, speaker))
    assert refused.value.code == "cannot_consume"


def test_an_owner_has_a_bounded_number_of_transports(room: Room) -> None:
    for number in range(MAX_TRANSPORTS_PER_OWNER):
        room.router.create_transport(str(number), "somebody", "send", DEVICE)
    with pytest.raises(WorkerError) as refused:
        room.router.create_transport("one more", "somebody", "send", DEVICE)
    assert refused.value.code == "limit_reached"
    room.router.create_transport("another", "somebody else", "send", DEVICE)


# the pure parts


def test_a_table_allows_only_what_it_lists() -> None:
    table = PermissionTable.parse(3, {"a": {"b": ["camera"]}})
    assert table.allows("a", "b", "camera")
    assert not table.allows("a", "b", "microphone")
    assert not table.allows("b", "a", "camera")
    assert not table.allows("a", "c", "camera")
    assert not PermissionTable().allows("a", "b", "camera")
    assert table.to_json() == {"a": {"b": ["camera"]}}


@pytest.mark.parametrize(
    ("revision", "allow"),
    [
        (-1, {}),
        ("1", {}),
        (True, {}),
        (1, []),
        (1, {"a": []}),
        (1, {"a": {"b": "camera"}}),
        (1, {"a": {"b": [1]}}),
    ],
)
def test_a_misshapen_table_is_refused(revision: object, allow: object) -> None:
    with pytest.raises(ValueError, match=r"must be|must map|are names|list of names"):
        PermissionTable.parse(revision, allow)


Step = tuple[str, int]


@given(
    st.lists(st.tuples(st.sampled_from(["place", "skip", "restart"]), st.integers(-50, 5000)), max_size=200)
)
def test_no_two_packets_share_an_outgoing_number(steps: list[Step]) -> None:
    numbers = SequenceMap(7)
    seen: set[int] = set()
    used: list[int] = []
    highest = 1000
    for action, distance in steps:
        sequence = highest + distance
        highest = max(highest, sequence)
        if action == "restart":
            numbers.restart()
        elif sequence in seen:
            continue
        elif action == "skip":
            seen.add(sequence)
            numbers.skip(sequence)
        else:
            seen.add(sequence)
            placed = numbers.place(sequence)
            if placed is not None:
                used.append(placed)
    assert len(used) == len(set(used))
    assert all(number >= 7 for number in used)


def test_a_jump_of_the_source_continues_without_a_gap() -> None:
    numbers = SequenceMap(0)
    assert [numbers.place(5), numbers.place(5 + REACH + 1), numbers.place(5 + REACH + 2)] == [0, 1, 2]
    assert numbers.place(6) is None


@given(st.lists(st.integers(0, 4000), max_size=300))
def test_a_number_is_new_at_most_once(numbers: list[int]) -> None:
    window = SeenWindow(64)
    accepted = [number for number in numbers if window.accept(number)]
    assert len(accepted) == len(set(accepted))


def test_requests_in_the_window_are_sent_when_it_ends() -> None:
    requests = KeyframeRequests()
    assert not requests.due(0.0)
    requests.want()
    assert requests.due(0.0)
    requests.want()
    requests.want()
    assert not requests.due(0.99)
    assert requests.due(1.0)
    assert not requests.due(2.5)
