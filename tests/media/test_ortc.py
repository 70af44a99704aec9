"""Negotiation: what mediasoup clients really send is accepted, all else is refused with a clear error."""

import copy
import json
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import ortc
from media.ortc import OrtcError

ROUTER = ortc.validate_capabilities(ortc.router_capabilities())


def opus(**changes: Any) -> dict[str, Any]:
    """The shape of a Chromium microphone."""
    return {
        "mid": "0",
        "codecs": [
            {
                "mimeType": "audio/opus",
                "payloadType": 111,
                "clockRate": 48000,
                "channels": 2,
                "parameters": {"minptime": 10, "useinbandfec": 1, "usedtx": 0, "sprop-stereo": 0},
                "rtcpFeedback": [{"type": "transport-cc", "parameter": ""}],
            }
        ],
        "headerExtensions": [
            {"uri": ortc.MID, "id": 4, "encrypt": False, "parameters": {}},
            {"uri": ortc.ABS_SEND_TIME, "id": 2, "encrypt": False, "parameters": {}},
            {"uri": ortc.TRANSPORT_CC, "id": 3, "encrypt": False, "parameters": {}},
            {"uri": ortc.AUDIO_LEVEL, "id": 1, "encrypt": False, "parameters": {}},
        ],
        "encodings": [{"active": True, "ssrc": 2218951133, "dtx": False}],
        "rtcp": {"cname": "IWoVKiiu7nMBvuPs", "reducedSize": True},
        **changes,
    }


def simulcast(**changes: Any) -> dict[str, Any]:
    """The shape of a Chromium camera with three layers: rids without SSRCs."""
    return {
        "mid": "1",
        "codecs": [
            {
                "mimeType": "video/VP8",
                "payloadType": 96,
                "clockRate": 90000,
                "parameters": {},
                "rtcpFeedback": [
                    {"type": "goog-remb", "parameter": ""},
                    {"type": "transport-cc", "parameter": ""},
                    {"type": "ccm", "parameter": "fir"},
                    {"type": "nack", "parameter": "pli"},
                ],
            },
            {
                "mimeType": "video/rtx",
                "payloadType": 97,
                "clockRate": 90000,
                "parameters": {"apt": 96},
                "rtcpFeedback": [],
            },
        ],
        "headerExtensions": [
            {"uri": ortc.MID, "id": 4, "encrypt": False, "parameters": {}},
            {"uri": ortc.RID, "id": 10, "encrypt": False, "parameters": {}},
            {"uri": ortc.REPAIRED_RID, "id": 11, "encrypt": False, "parameters": {}},
            {"uri": ortc.ABS_SEND_TIME, "id": 2, "encrypt": False, "parameters": {}},
            {"uri": ortc.VIDEO_ORIENTATION, "id": 13, "encrypt": False, "parameters": {}},
            {"uri": ortc.ABS_CAPTURE_TIME, "id": 15, "encrypt": False, "parameters": {}},
            {"uri": "urn:ietf:params:rtp-hdrext:toffset", "id": 14, "encrypt": False, "parameters": {}},
        ],
        "encodings": [
            {"active": True, "scaleResolutionDownBy": 4, "rid": "r0", "scalabilityMode": "L1T3"},
            {"active": True, "scaleResolutionDownBy": 2, "rid": "r1", "scalabilityMode": "L1T3"},
            {"active": True, "scaleResolutionDownBy": 1, "rid": "r2", "scalabilityMode": "L1T3"},
        ],
        "rtcp": {"cname": "", "reducedSize": True},
        **changes,
    }


def h264(profile: str = "42e01f", mode: int = 1) -> dict[str, Any]:
    camera = simulcast(encodings=[{"ssrc": 7, "rtx": {"ssrc": 8}}])
    camera["codecs"][0] |= {
        "mimeType": "video/h264",
        "parameters": {"packetization-mode": mode, "profile-level-id": profile},
    }
    return camera


def changed(parameters: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    result = copy.deepcopy(parameters)
    place = result
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return result


def test_a_microphone_is_understood() -> None:
    producer = ortc.validate_producer("audio", opus())
    assert (producer.mid, producer.mime_type, producer.payload_type) == ("0", "audio/opus", 111)
    assert (producer.clock_rate, producer.channels, producer.rtx_payload_type) == (48000, 2, None)
    assert producer.encodings == (ortc.Encoding(2218951133, None, None),)
    assert producer.cname == "IWoVKiiu7nMBvuPs"
    assert producer.extension_ids[ortc.AUDIO_LEVEL] == 1


def test_a_simulcast_camera_is_understood_without_any_ssrc() -> None:
    producer = ortc.validate_producer("video", simulcast())
    assert [encoding.rid for encoding in producer.encodings] == ["r0", "r1", "r2"]
    assert {encoding.ssrc for encoding in producer.encodings} == {None}
    assert producer.encodings[0].scalability_mode == "L1T3"
    assert producer.rtx_payload_type == 97
    assert "urn:ietf:params:rtp-hdrext:toffset" not in producer.extension_ids


@pytest.mark.parametrize("publisher", [opus, simulcast])
def test_what_is_kept_of_a_publisher_says_the_same_and_nothing_that_we_do_not_know(
    publisher: Callable[..., dict[str, Any]],
) -> None:
    kind = "audio" if publisher is opus else "video"
    understood = ortc.validate_producer(kind, publisher())
    ballast = changed(publisher(ballast=["x"] * 1000), "headerExtensions", 0, "ballast", to="x" * 1000)
    kept = ortc.producer_shape(ortc.validate_producer(kind, ballast))
    assert ortc.validate_producer(kind, kept) == understood
    assert "ballast" not in json.dumps(kept)


def test_only_extensions_meant_for_listeners_are_passed_on_under_our_ids() -> None:
    microphone = ortc.validate_producer("audio", opus())
    camera = ortc.validate_producer("video", simulcast())
    assert microphone.forwarded_extensions == {1: 10}
    assert camera.forwarded_extensions == {13: 11, 15: 13}


def test_router_capabilities_are_json_and_offer_repair_for_picture_and_sound() -> None:
    capabilities = ortc.router_capabilities()
    assert json.loads(json.dumps(capabilities)) == capabilities
    nack = {"type": "nack", "parameter": ""}
    repeating = ("video/rtx", "audio/red")
    assert all(
        nack in codec["rtcpFeedback"]
        for codec in capabilities["codecs"]
        if codec["mimeType"] not in repeating
    )
    video = next(codec for codec in capabilities["codecs"] if codec["mimeType"] == "video/VP8")
    types = [each["type"] for each in video["rtcpFeedback"]]
    assert types == ["nack", "nack", "ccm", "goog-remb", "transport-cc"]


def test_router_payload_types_and_extension_ids_are_distinct_and_fit_the_one_byte_form() -> None:
    capabilities = ortc.router_capabilities()
    types = [codec["preferredPayloadType"] for codec in capabilities["codecs"]]
    assert len(set(types)) == len(types)
    ids = {each["uri"]: each["preferredId"] for each in capabilities["headerExtensions"]}
    assert len(set(ids.values())) == len(ids)
    assert all(1 <= number <= 14 for number in ids.values())


@pytest.mark.parametrize(
    ("uri", "kind", "direction"),
    [
        (ortc.MID, "audio", "recvonly"),
        (ortc.RID, "video", "recvonly"),
        (ortc.TRANSPORT_CC, "video", "recvonly"),
        (ortc.ABS_SEND_TIME, "video", "sendrecv"),
        (ortc.ABS_SEND_TIME, "audio", "recvonly"),
        (ortc.AUDIO_LEVEL, "audio", "sendrecv"),
        (ortc.VIDEO_ORIENTATION, "video", "sendrecv"),
    ],
)
def test_direction_of_header_extensions(uri: str, kind: str, direction: str) -> None:
    extensions = ortc.router_capabilities()["headerExtensions"]
    assert [each["direction"] for each in extensions if (each["uri"], each["kind"]) == (uri, kind)] == [
        direction
    ]


def test_a_listener_is_offered_video_with_remb_and_without_transport_feedback() -> None:
    producer = ortc.validate_producer("video", simulcast())
    offered = ortc.consumer_parameters(producer, ROUTER, ssrc=5, rtx_ssrc=6, cname="room", mid="3")
    assert offered == {
        "mid": "3",
        "codecs": [
            {
                "mimeType": "video/VP8",
                "payloadType": 101,
                "clockRate": 90000,
                "parameters": {},
                "rtcpFeedback": [
                    {"type": "nack", "parameter": ""},
                    {"type": "nack", "parameter": "pli"},
                    {"type": "ccm", "parameter": "fir"},
                    {"type": "goog-remb", "parameter": ""},
                ],
            },
            {
                "mimeType": "video/rtx",
                "payloadType": 102,
                "clockRate": 90000,
                "parameters": {"apt": 101},
                "rtcpFeedback": [],
            },
        ],
        "headerExtensions": [
            {"uri": ortc.ABS_SEND_TIME, "id": 4, "encrypt": False, "parameters": {}},
            {"uri": ortc.VIDEO_ORIENTATION, "id": 11, "encrypt": False, "parameters": {}},
            {"uri": ortc.ABS_CAPTURE_TIME, "id": 13, "encrypt": False, "parameters": {}},
        ],
        "encodings": [{"ssrc": 5, "rtx": {"ssrc": 6}}],
        "rtcp": {"cname": "room", "reducedSize": True, "mux": True},
    }


def test_a_listener_is_offered_audio_without_send_times() -> None:
    producer = ortc.validate_producer(
        "audio", changed(opus(), "codecs", 0, "parameters", "sprop-stereo", to=1)
    )
    offered = ortc.consumer_parameters(producer, ROUTER, ssrc=5, rtx_ssrc=6, cname="room")
    red, opus_ = offered["codecs"]
    assert opus_["parameters"] == {"useinbandfec": 1, "sprop-stereo": 1, "usedtx": 0}
    assert opus_["rtcpFeedback"] == [{"type": "nack", "parameter": ""}]
    assert (red["mimeType"], red["payloadType"], red["parameters"]) == ("audio/red", 103, {"": "100/100"})
    assert red["rtcpFeedback"] == []
    uris = [each["uri"] for each in offered["headerExtensions"]]
    assert uris == [ortc.AUDIO_LEVEL, ortc.ABS_CAPTURE_TIME]
    assert "mid" not in offered


def test_a_device_that_cannot_open_red_or_says_nothing_is_not_offered_it() -> None:
    producer = ortc.validate_producer("audio", opus())
    capabilities = ortc.router_capabilities()
    capabilities["codecs"] = [each for each in capabilities["codecs"] if each["mimeType"] != "audio/red"]
    for device in (ortc.assumed_capabilities(), ortc.validate_capabilities(capabilities)):
        offered = ortc.consumer_parameters(producer, device, ssrc=5, rtx_ssrc=6, cname="room")
        assert [codec["mimeType"] for codec in offered["codecs"]] == ["audio/opus"]


def test_red_is_offered_after_opus_and_taken_from_nobody() -> None:
    names = [codec["mimeType"] for codec in ortc.router_capabilities()["codecs"]]
    assert names.index("audio/opus") < names.index("audio/red")
    red = {"mimeType": "audio/red", "payloadType": 63, "clockRate": 48000, "channels": 2}
    both = changed(opus(), "codecs", to=[red, *opus()["codecs"]])
    assert ortc.validate_producer("audio", both).mime_type == "audio/opus"
    with pytest.raises(ortc.OrtcError, match="no media codec"):
        ortc.validate_producer("audio", changed(opus(), "codecs", to=[red]))


def test_a_listener_is_offered_nack_and_rtx() -> None:
    producer = ortc.validate_producer("video", simulcast())
    offered = ortc.consumer_parameters(producer, ROUTER, ssrc=5, rtx_ssrc=6, cname="")
    assert [codec["payloadType"] for codec in offered["codecs"]] == [101, 102]
    assert {"type": "nack", "parameter": ""} in offered["codecs"][0]["rtcpFeedback"]
    assert offered["encodings"] == [{"ssrc": 5, "rtx": {"ssrc": 6}}]


def test_neither_rtx_nor_nack_for_a_device_that_has_rtx_for_another_codec_only() -> None:
    capabilities = ortc.router_capabilities()
    capabilities["codecs"] = [
        codec for codec in capabilities["codecs"] if codec["preferredPayloadType"] != 102
    ]
    device = ortc.validate_capabilities(capabilities)
    producer = ortc.validate_producer("video", simulcast())
    offered = ortc.consumer_parameters(producer, device, ssrc=5, rtx_ssrc=6, cname="")
    assert offered["encodings"] == [{"ssrc": 5}]
    assert {"type": "nack", "parameter": ""} not in offered["codecs"][0]["rtcpFeedback"]


def test_a_device_is_offered_only_what_it_can_decode() -> None:
    capabilities = ortc.router_capabilities()
    capabilities["codecs"] = [codec for codec in capabilities["codecs"] if "VP8" not in codec["mimeType"]]
    device = ortc.validate_capabilities(capabilities)
    producer = ortc.validate_producer("video", simulcast())
    assert ortc.can_consume(producer, ROUTER)
    assert not ortc.can_consume(producer, device)
    with pytest.raises(OrtcError, match="cannot receive video/VP8"):
        ortc.consumer_parameters(producer, device, ssrc=5, rtx_ssrc=6, cname="")


def test_a_device_may_leave_out_payload_types_and_extensions() -> None:
    device = ortc.validate_capabilities({"codecs": [{"mimeType": "video/vp8", "clockRate": 90000}]})
    producer = ortc.validate_producer("video", simulcast())
    offered = ortc.consumer_parameters(producer, device, ssrc=5, rtx_ssrc=6, cname="")
    assert offered["headerExtensions"] == []
    assert offered["codecs"][0]["rtcpFeedback"] == []


def test_extensions_that_a_device_only_sends_are_not_offered_to_it() -> None:
    capabilities = ortc.router_capabilities()
    for extension in capabilities["headerExtensions"]:
        extension["direction"] = "sendonly"
    assert ortc.validate_capabilities(capabilities).extensions == frozenset()


@pytest.mark.parametrize("profile", ["42e01f", "42c01f", "42E034", "4d801f", "58c01f"])
def test_h264_of_the_constrained_baseline_is_taken_at_any_level(profile: str) -> None:
    producer = ortc.validate_producer("video", h264(profile))
    offered = ortc.consumer_parameters(producer, ROUTER, ssrc=5, rtx_ssrc=6, cname="")
    assert producer.mime_type == "video/H264"
    assert offered["codecs"][0]["parameters"]["profile-level-id"] == "42e01f"


@pytest.mark.parametrize(
    ("profile", "mode"), [("42001f", 1), ("640c1f", 1), ("42e01f", 0), ("zz", 1), ("", 1)]
)
def test_other_forms_of_h264_are_refused(profile: str, mode: int) -> None:
    with pytest.raises(OrtcError, match="not supported"):
        ortc.validate_producer("video", h264(profile, mode))


def test_no_text_of_a_publisher_reaches_what_listeners_are_offered() -> None:
    nasty = changed(opus(), "codecs", 0, "parameters", "sprop-stereo", to="1\r\na=candidate:evil")
    producer = ortc.validate_producer("audio", nasty)
    assert "evil" not in json.dumps(ortc.consumer_parameters(producer, ROUTER, ssrc=1, rtx_ssrc=2, cname="x"))


@pytest.mark.parametrize("cname", ["x\r\na=candidate:evil", "x\ra=evil", "x\n", "a b", "\0", "å", "\ud800"])
def test_a_canonical_name_that_could_break_out_of_its_line_is_refused(cname: str) -> None:
    with pytest.raises(OrtcError, match=r"rtcp\.cname"):
        ortc.validate_producer("audio", changed(opus(), "rtcp", "cname", to=cname))


CODEC = opus()["codecs"][0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (changed(opus(), "codecs", to=[CODEC] * 10_000), "codecs: more than"),
        (changed(opus(), "codecs", to=[CODEC, CODEC]), "payload type given twice"),
        (changed(opus(), "codecs", to=[]), "no media codec"),
        (changed(opus(), "codecs", to=None), "codecs: not a list"),
        (
            changed(opus(), "codecs", 0, "mimeType", to="audio/PCMU"),
            "audio/PCMU in this form is not supported",
        ),
        (changed(opus(), "codecs", 0, "mimeType", to="video/VP8"), "not supported"),
        (changed(opus(), "codecs", 0, "mimeType", to="x" * 1_000_000), "longer than 255"),
        (changed(opus(), "codecs", 0, "channels", to=1), "not supported"),
        (changed(opus(), "codecs", 0, "clockRate", to=math.nan), "clockRate: not a whole number"),
        (changed(opus(), "codecs", 0, "clockRate", to=True), "clockRate: not a whole number"),
        (changed(opus(), "codecs", 0, "clockRate", to=10**400), "clockRate: not within"),
        (changed(opus(), "codecs", 0, "payloadType", to=128), "payloadType: not within"),
        (changed(opus(), "codecs", 0, "payloadType", to=72), "collides with RTCP"),
        (changed(opus(), "codecs", 0, "parameters", "x", to=math.inf), "neither text nor a finite number"),
        (changed(opus(), "codecs", 0, "parameters", "x", to=math.nan), "neither text nor a finite number"),
        (changed(opus(), "codecs", 0, "parameters", "x", to=10**400), "neither text nor a finite number"),
        (changed(opus(), "codecs", 0, "parameters", "x", to=[[]]), "neither text nor a finite number"),
        (changed(opus(), "codecs", 0, "parameters", to={str(n): n for n in range(99)}), "more than 32"),
        (changed(opus(), "codecs", 0, "rtcpFeedback", to=[{"type": "nack"}] * 99), "more than 32"),
        (changed(opus(), "codecs", 0, "rtcpFeedback", to=[{}]), "type: not text"),
        (changed(opus(), "headerExtensions", to=[{}] * 10_000), "headerExtensions: more than"),
        (changed(opus(), "headerExtensions", 0, "id", to=2), "id given twice"),
        (changed(opus(), "headerExtensions", 0, "id", to=0), "id: not within"),
        (changed(opus(), "headerExtensions", 1, "uri", to=ortc.MID), "uri: given twice"),
        (changed(opus(), "headerExtensions", 0, "encrypt", to=True), "encrypted header extensions"),
        (changed(opus(), "encodings", to=[]), "encodings: empty"),
        (changed(opus(), "encodings", to=[{"ssrc": 1}, {"ssrc": 2}]), "audio has one"),
        (changed(opus(), "encodings", 0, "ssrc", to=0), "ssrc: not within"),
        (changed(opus(), "encodings", 0, "ssrc", to=2**32), "ssrc: not within"),
        (changed(opus(), "encodings", 0, "rtx", to={"ssrc": 2218951133}), "SSRC given twice"),
        (changed(opus(), "encodings", 0, "rtx", to=5), "rtx: not an object"),
        (changed(opus(), "encodings", 0, "rid", to="a b"), "rid: more than 32 characters"),
        (changed(opus(), "mid", to="0\r\n"), "mid: more than 32 characters"),
        (changed(opus(), "mid", to=0), "mid: not text"),
        (changed(opus(), "rtcp", to=[]), "rtcp: not an object"),
        (changed(opus(), "rtcp", "mux", to=False), "must share the port"),
    ],
)
def test_garbage_from_a_publisher_is_refused_by_name(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(OrtcError, match=message):
        ortc.validate_producer("audio", parameters)


def test_layers_that_nothing_would_tell_apart_are_refused() -> None:
    with pytest.raises(OrtcError, match="rid given twice"):
        ortc.validate_producer("video", changed(simulcast(), "encodings", 1, "rid", to="r0"))
    with pytest.raises(OrtcError, match="no SSRC"):
        ortc.validate_producer("video", simulcast(headerExtensions=[]))
    alone = simulcast(encodings=[{}])
    assert ortc.validate_producer("video", alone).mid == "1"
    with pytest.raises(OrtcError, match="no SSRC"):
        ortc.validate_producer("video", {**alone, "mid": None})


@pytest.mark.parametrize("kind", ["data", "", None, 5, ["audio"]])
def test_a_kind_is_audio_or_video(kind: object) -> None:
    with pytest.raises(OrtcError, match="neither audio nor video"):
        ortc.validate_producer(kind, opus())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a JSON value."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [path for key, each in inside for path in ((*at, key), *places(each, (*at, key)))]


@given(json_values, json_values)
def test_no_json_value_raises_anything_but_our_error(kind: Any, value: Any) -> None:
    with suppress(OrtcError):
        ortc.validate_producer(kind, value)
    with suppress(OrtcError):
        ortc.validate_capabilities(value)


@given(st.sampled_from(places(simulcast())), json_values)
def test_any_single_field_replaced_is_accepted_or_refused(path: tuple[Any, ...], value: Any) -> None:
    with suppress(OrtcError):
        producer = ortc.validate_producer("video", changed(simulcast(), *path, to=value))
        offered = ortc.consumer_parameters(producer, ROUTER, ssrc=1, rtx_ssrc=2, cname="c")
        assert json.loads(json.dumps(offered, allow_nan=False)) == offered


@given(st.sampled_from(places(ortc.router_capabilities())), json_values)
def test_any_single_capability_replaced_is_accepted_or_refused(path: tuple[Any, ...], value: Any) -> None:
    capabilities: Any = ortc.router_capabilities()
    with suppress(OrtcError):
        device = ortc.validate_capabilities(changed(capabilities, *path, to=value))
        ortc.can_consume(ortc.validate_producer("video", simulcast()), device)
