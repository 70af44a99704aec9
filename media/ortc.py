"""Negotiation in mediasoup's shapes: what the router can do, a publisher sends, a listener is offered.

Pure functions. What a remote party says is read within bounds and ends as a frozen value or an `OrtcError`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from media.bounds import OrtcError as OrtcError
from media.bounds import (
    read_integer,
    read_mapping,
    read_optional,
    read_sequence,
    read_text,
    read_token,
    require_distinct,
)

Kind = Literal["audio", "video"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
ParameterValue = str | int | float

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

RED = "audio/red"

MAX_CODECS = 64
MAX_EXTENSIONS = 64
MAX_ENCODINGS = 8
MAX_FEEDBACK = 32
MAX_PARAMETERS = 32


class RtcpFeedback(TypedDict):
    type: str
    parameter: str


class RtpCodecCapability(TypedDict):
    kind: Kind
    mimeType: str
    preferredPayloadType: int
    clockRate: int
    channels: NotRequired[int]
    parameters: dict[str, ParameterValue]
    rtcpFeedback: list[RtcpFeedback]


class RtpHeaderExtension(TypedDict):
    kind: Kind
    uri: str
    preferredId: int
    preferredEncrypt: bool
    direction: Direction


class RtpCapabilities(TypedDict):
    codecs: list[RtpCodecCapability]
    headerExtensions: list[RtpHeaderExtension]


class RtpCodecParameters(TypedDict):
    mimeType: str
    payloadType: int
    clockRate: int
    channels: NotRequired[int]
    parameters: dict[str, ParameterValue]
    rtcpFeedback: list[RtcpFeedback]


class RtpHeaderExtensionParameters(TypedDict):
    uri: str
    id: int
    encrypt: bool
    parameters: dict[str, ParameterValue]


class RtxParameters(TypedDict):
    ssrc: int


class RtpEncodingParameters(TypedDict):
    ssrc: int
    rtx: NotRequired[RtxParameters]


class RtcpParameters(TypedDict):
    cname: str
    reducedSize: bool
    mux: bool


class RtpParameters(TypedDict):
    mid: NotRequired[str]
    codecs: list[RtpCodecParameters]
    headerExtensions: list[RtpHeaderExtensionParameters]
    encodings: list[RtpEncodingParameters]
    rtcp: RtcpParameters


Feedback = tuple[str, str]
NACK: Feedback = ("nack", "")


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec as one side describes it; `parameters` are the format parameters (fmtp)."""

    kind: Kind
    mime_type: str
    payload_type: int
    clock_rate: int
    channels: int | None
    parameters: Mapping[str, ParameterValue]
    feedback: tuple[Feedback, ...]

    @property
    def name(self) -> str:
        return self.mime_type.lower()

    @property
    def is_rtx(self) -> bool:
        return self.name.endswith("/rtx")

    @property
    def is_red(self) -> bool:
        return self.name == RED


@dataclass(frozen=True, slots=True)
class _Extension:
    uri: str
    id: int
    kinds: tuple[Kind, ...]
    to_listeners: tuple[Kind, ...] = ()
    """Kinds whose listeners are offered it too; the others only take it from publishers."""
    unchanged: bool = True
    """Whether the publisher's value is what listeners get."""


_VIDEO_FEEDBACK: tuple[Feedback, ...] = (
    ("nack", ""),
    ("nack", "pli"),
    ("ccm", "fir"),
    ("goog-remb", ""),
    ("transport-cc", ""),
)
_H264: Mapping[str, ParameterValue] = {
    "packetization-mode": 1,
    "profile-level-id": "42e01f",
    "level-asymmetry-allowed": 1,
}


def _rtx(payload_type: int, of: int) -> Codec:
    return Codec("video", "video/rtx", payload_type, 90000, None, {"apt": of}, ())


_OPUS_FEEDBACK: tuple[Feedback, ...] = (("nack", ""), ("transport-cc", ""))
_OPUS = Codec("audio", "audio/opus", 100, 48000, 2, {"useinbandfec": 1}, _OPUS_FEEDBACK)
_RED = Codec("audio", RED, 103, 48000, 2, {"": "100/100"}, ())
"""Towards listeners only. The parameters are "100/100" without a name, which is how browsers know them."""
_CODECS = (
    _OPUS,
    _RED,
    Codec("video", "video/VP8", 101, 90000, None, {}, _VIDEO_FEEDBACK),
    _rtx(102, of=101),
    Codec("video", "video/H264", 105, 90000, None, _H264, _VIDEO_FEEDBACK),
    _rtx(106, of=105),
)

_EXTENSIONS = (
    _Extension(MID, 1, ("audio", "video")),
    _Extension(RID, 2, ("video",)),
    _Extension(REPAIRED_RID, 3, ("video",)),
    _Extension(ABS_SEND_TIME, 4, ("audio", "video"), to_listeners=("video",), unchanged=False),
    _Extension(TRANSPORT_CC, 5, ("audio", "video")),
    _Extension(AUDIO_LEVEL, 10, ("audio",), to_listeners=("audio",)),
    _Extension(VIDEO_ORIENTATION, 11, ("video",), to_listeners=("video",)),
    _Extension(ABS_CAPTURE_TIME, 13, ("audio", "video"), to_listeners=("audio", "video")),
)
CONSUMER_EXTENSION_IDS: Mapping[str, int] = {each.uri: each.id for each in _EXTENSIONS if each.to_listeners}
"""Header extension ids towards every listener."""


def router_capabilities() -> RtpCapabilities:
    """What a device is told; its `direction` is ours (`recvonly`: from publishers only)."""
    codecs = []
    for codec in _CODECS:
        capability: RtpCodecCapability = {
            "kind": codec.kind,
            "mimeType": codec.mime_type,
            "preferredPayloadType": codec.payload_type,
            "clockRate": codec.clock_rate,
            "parameters": dict(codec.parameters),
            "rtcpFeedback": _feedback_shape(codec.feedback),
        }
        if codec.channels is not None:
            capability["channels"] = codec.channels
        codecs.append(capability)
    extensions: list[RtpHeaderExtension] = [
        {
            "kind": kind,
            "uri": extension.uri,
            "preferredId": extension.id,
            "preferredEncrypt": False,
            "direction": "sendrecv" if kind in extension.to_listeners else "recvonly",
        }
        for extension in _EXTENSIONS
        for kind in extension.kinds
    ]
    return {"codecs": codecs, "headerExtensions": extensions}


@dataclass(frozen=True, slots=True)
class Encoding:
    """One layer of a publisher; without `ssrc` it is recognised by its rid, or by the mid alone."""

    ssrc: int | None
    rtx_ssrc: int | None
    rid: str | None
    scalability_mode: str | None = None


@dataclass(frozen=True, slots=True)
class ProducerParameters:
    """What a publisher sends. `extension_ids` holds the publisher's ids of the extensions we know, by URI."""

    kind: Kind
    mid: str | None
    mime_type: str
    payload_type: int
    rtx_payload_type: int | None
    clock_rate: int
    channels: int | None
    codec_parameters: Mapping[str, ParameterValue]
    feedback: frozenset[Feedback]
    encodings: tuple[Encoding, ...]
    extension_ids: Mapping[str, int]
    cname: str

    @property
    def forwarded_extensions(self) -> dict[int, int]:
        """Publisher's id → listeners' id of the extensions that are passed on unchanged."""
        return {
            self.extension_ids[each.uri]: each.id
            for each in _EXTENSIONS
            if each.unchanged and self.kind in each.to_listeners and each.uri in self.extension_ids
        }


@dataclass(frozen=True, slots=True)
class DeviceCapabilities:
    """What a listener's device can receive, reduced to what we know."""

    codecs: tuple[Codec, ...]
    extensions: frozenset[tuple[Kind, str]]


def validate_producer(kind: object, rtp_parameters: object) -> ProducerParameters:
    """Read a publisher's `rtpParameters` (mediasoup). Raises `OrtcError`."""
    known_kind = _kind(kind, "kind")
    parameters = read_mapping(rtp_parameters, "rtpParameters")
    codec, rtx_payload_type = _producer_codec(known_kind, parameters.get("codecs"))
    mid = read_optional(parameters.get("mid"), "mid", read_token)
    extension_ids = _producer_extensions(known_kind, parameters.get("headerExtensions", []))
    encodings = _producer_encodings(parameters.get("encodings"))
    _recognisable(known_kind, mid, extension_ids, encodings)
    rtcp = read_mapping(parameters.get("rtcp", {}), "rtcp")
    if rtcp.get("mux", True) is not True:
        raise OrtcError("rtcp.mux: RTP and RTCP must share the port")
    return ProducerParameters(
        kind=known_kind,
        mid=mid,
        mime_type=codec.mime_type,
        payload_type=codec.payload_type,
        rtx_payload_type=rtx_payload_type,
        clock_rate=codec.clock_rate,
        channels=codec.channels,
        codec_parameters=codec.parameters,
        feedback=frozenset(codec.feedback),
        encodings=encodings,
        extension_ids=extension_ids,
        cname=_cname(rtcp.get("cname", "")),
    )


def _producer_codec(kind: Kind, value: object) -> tuple[Codec, int | None]:
    codecs = [
        _codec(each, f"codecs[{index}]", "payloadType")
        for index, each in enumerate(read_sequence(value, "codecs", MAX_CODECS))
    ]
    require_distinct([codec.payload_type for codec in codecs], "codecs: payload type")
    media = next((codec for codec in codecs if not codec.is_rtx and not codec.is_red), None)
    if media is None:
        raise OrtcError("codecs: no media codec")
    ours = next((codec for codec in _CODECS if codec.kind == kind and _same_codec(codec, media)), None)
    if ours is None:
        raise OrtcError(f"codecs: {media.mime_type} in this form is not supported for {kind}")
    rtx = next(
        (each for each in codecs if each.is_rtx and each.parameters.get("apt") == media.payload_type), None
    )
    canonical = Codec(
        kind,
        ours.mime_type,
        media.payload_type,
        media.clock_rate,
        ours.channels,
        media.parameters,
        media.feedback,
    )
    return canonical, rtx.payload_type if rtx else None


def _producer_extensions(kind: Kind, value: object) -> dict[str, int]:
    known = {each.uri for each in _EXTENSIONS if kind in each.kinds}
    found: dict[str, int] = {}
    ids = []
    for index, each in enumerate(read_sequence(value, "headerExtensions", MAX_EXTENSIONS)):
        where = f"headerExtensions[{index}]"
        extension = read_mapping(each, where)
        uri = read_text(extension.get("uri"), f"{where}.uri")
        ids.append(read_integer(extension.get("id"), f"{where}.id", 1, 255))
        if extension.get("encrypt", False) is not False:
            raise OrtcError(f"{where}.encrypt: encrypted header extensions are not supported")
        if uri in found:
            raise OrtcError(f"{where}.uri: given twice")
        if uri in known:
            found[uri] = ids[-1]
    require_distinct(ids, "headerExtensions: id")
    return found


def _producer_encodings(value: object) -> tuple[Encoding, ...]:
    encodings = []
    for index, each in enumerate(read_sequence(value, "encodings", MAX_ENCODINGS)):
        where = f"encodings[{index}]"
        encoding = read_mapping(each, where)
        rtx = read_optional(encoding.get("rtx"), f"{where}.rtx", read_mapping)
        encodings.append(
            Encoding(
                ssrc=read_optional(encoding.get("ssrc"), f"{where}.ssrc", _ssrc),
                rtx_ssrc=None if rtx is None else read_optional(rtx.get("ssrc"), f"{where}.rtx.ssrc", _ssrc),
                rid=read_optional(encoding.get("rid"), f"{where}.rid", read_token),
                scalability_mode=read_optional(
                    encoding.get("scalabilityMode"), f"{where}.scalabilityMode", read_token
                ),
            )
        )
    if not encodings:
        raise OrtcError("encodings: empty")
    ssrcs = [ssrc for each in encodings for ssrc in (each.ssrc, each.rtx_ssrc) if ssrc is not None]
    require_distinct(ssrcs, "encodings: SSRC")
    require_distinct([each.rid for each in encodings if each.rid is not None], "encodings: rid")
    return tuple(encodings)


def _recognisable(
    kind: Kind, mid: str | None, extension_ids: Mapping[str, int], encodings: tuple[Encoding, ...]
) -> None:
    if kind == "audio" and len(encodings) > 1:
        raise OrtcError("encodings: audio has one")
    by_mid = mid is not None and MID in extension_ids
    for index, encoding in enumerate(encodings):
        by_rid = encoding.rid is not None and RID in extension_ids
        if encoding.ssrc is None and not by_rid and not (by_mid and len(encodings) == 1):
            raise OrtcError(f"encodings[{index}]: no SSRC, and no header extension that would tell it")


def producer_shape(producer: ProducerParameters) -> dict[str, Any]:
    """A publisher's `rtpParameters` as far as understood; `validate_producer` reads the same of it again."""
    feedback = _feedback_shape(sorted(producer.feedback))
    media: dict[str, Any] = {
        "mimeType": producer.mime_type,
        "payloadType": producer.payload_type,
        "clockRate": producer.clock_rate,
        "parameters": dict(producer.codec_parameters),
        "rtcpFeedback": feedback,
    }
    if producer.channels is not None:
        media["channels"] = producer.channels
    codecs = [media]
    if producer.rtx_payload_type is not None:
        codecs.append(
            {
                "mimeType": f"{producer.kind}/rtx",
                "payloadType": producer.rtx_payload_type,
                "clockRate": producer.clock_rate,
                "parameters": {"apt": producer.payload_type},
                "rtcpFeedback": [],
            }
        )
    return {
        **({} if producer.mid is None else {"mid": producer.mid}),
        "codecs": codecs,
        "headerExtensions": [
            {"uri": uri, "id": id_, "encrypt": False, "parameters": {}}
            for uri, id_ in producer.extension_ids.items()
        ],
        "encodings": [_encoding_shape(encoding) for encoding in producer.encodings],
        "rtcp": {"cname": producer.cname, "reducedSize": True},
    }


def _encoding_shape(encoding: Encoding) -> dict[str, Any]:
    shape = {
        "ssrc": encoding.ssrc,
        "rtx": None if encoding.rtx_ssrc is None else {"ssrc": encoding.rtx_ssrc},
        "rid": encoding.rid,
        "scalabilityMode": encoding.scalability_mode,
    }
    return {name: value for name, value in shape.items() if value is not None}


def validate_capabilities(value: object) -> DeviceCapabilities:
    """Read a device's receiving `rtpCapabilities` (mediasoup). Raises `OrtcError`."""
    capabilities = read_mapping(value, "rtpCapabilities")
    codecs = [
        _codec(each, f"codecs[{index}]", "preferredPayloadType", default=0)
        for index, each in enumerate(read_sequence(capabilities.get("codecs"), "codecs", MAX_CODECS))
    ]
    known = {(kind, each.uri) for each in _EXTENSIONS for kind in each.to_listeners}
    extensions: set[tuple[Kind, str]] = set()
    offered = read_sequence(capabilities.get("headerExtensions", []), "headerExtensions", MAX_EXTENSIONS)
    for index, each in enumerate(offered):
        where = f"headerExtensions[{index}]"
        extension = read_mapping(each, where)
        uri = read_text(extension.get("uri"), f"{where}.uri")
        direction = read_text(extension.get("direction", "sendrecv"), f"{where}.direction")
        kinds: Iterable[Kind] = ("audio", "video")
        if extension.get("kind") is not None:
            kinds = (_kind(extension["kind"], f"{where}.kind"),)
        if direction in ("sendrecv", "recvonly"):
            extensions.update(known & {(kind, uri) for kind in kinds})
    ours = [codec for codec in codecs if any(_same_codec(mine, codec) for mine in _CODECS)]
    return DeviceCapabilities(tuple(ours), frozenset(extensions))


def assumed_capabilities() -> DeviceCapabilities:
    """Of a device that does not say what it can receive: everything but RED, which a player must open."""
    device = validate_capabilities(router_capabilities())
    plain = tuple(codec for codec in device.codecs if not codec.is_red)
    return DeviceCapabilities(plain, device.extensions)


def can_consume(producer: ProducerParameters, device: DeviceCapabilities) -> bool:
    return _device_codec(_router_codec(producer), device) is not None


def consumer_parameters(
    producer: ProducerParameters,
    device: DeviceCapabilities,
    *,
    ssrc: int,
    rtx_ssrc: int,
    cname: str,
    mid: str | None = None,
) -> RtpParameters:
    """What a listener is offered: our payload types and ids, one encoding. `OrtcError` when it cannot decode.

    Transport-wide feedback is left out, so that the browser answers with REMB. Lost video is only sent
    again as RTX, so a device without it gets no NACK; sound is sent again as it was. Whether a packet of
    sound is RED or plain can change from one to the next.
    """
    ours = _router_codec(producer)
    theirs = _device_codec(ours, device)
    if theirs is None:
        raise OrtcError(f"the device cannot receive {ours.mime_type}")
    rtx = _rtx_of(ours) if _device_has_rtx(theirs, device) else None
    feedback = _offered_feedback(ours, theirs, resend=ours.kind == "audio" or rtx is not None)
    codecs = [_codec_shape(ours, feedback, _offered_parameters(ours, producer))]
    encoding: RtpEncodingParameters = {"ssrc": ssrc}
    if rtx is not None and NACK in feedback:
        codecs.append(_codec_shape(rtx, (), rtx.parameters))
        encoding["rtx"] = {"ssrc": rtx_ssrc}
    if ours is _OPUS and any(codec.is_red for codec in device.codecs):
        codecs.insert(0, _codec_shape(_RED, (), _RED.parameters))
    offered: RtpParameters = {
        "codecs": codecs,
        "headerExtensions": [
            {"uri": each.uri, "id": each.id, "encrypt": False, "parameters": {}}
            for each in _EXTENSIONS
            if producer.kind in each.to_listeners and (producer.kind, each.uri) in device.extensions
        ],
        "encodings": [encoding],
        "rtcp": {"cname": cname, "reducedSize": True, "mux": True},
    }
    if mid is not None:
        offered["mid"] = mid
    return offered


def offered_media(parameters: RtpParameters) -> RtpCodecParameters:
    """The codec of the frames themselves among those that a listener was offered."""
    return next(codec for codec in parameters["codecs"] if codec["mimeType"] != RED)


def offered_red(parameters: RtpParameters) -> int | None:
    """The payload type of packets with earlier frames, `None` where the listener cannot open them."""
    return next((codec["payloadType"] for codec in parameters["codecs"] if codec["mimeType"] == RED), None)


def _router_codec(producer: ProducerParameters) -> Codec:
    return next(codec for codec in _CODECS if codec.mime_type == producer.mime_type)


def _device_codec(ours: Codec, device: DeviceCapabilities) -> Codec | None:
    return next((codec for codec in device.codecs if _same_codec(ours, codec)), None)


def _rtx_of(ours: Codec) -> Codec | None:
    return next((codec for codec in _CODECS if codec.parameters.get("apt") == ours.payload_type), None)


def _device_has_rtx(theirs: Codec, device: DeviceCapabilities) -> bool:
    return any(each.is_rtx and each.parameters.get("apt") == theirs.payload_type for each in device.codecs)


def _offered_feedback(ours: Codec, theirs: Codec, *, resend: bool) -> tuple[Feedback, ...]:
    return tuple(
        each
        for each in ours.feedback
        if each in theirs.feedback and each[0] != "transport-cc" and (resend or each != NACK)
    )


def _offered_parameters(ours: Codec, producer: ProducerParameters) -> dict[str, ParameterValue]:
    """Ours, and of the publisher's those that tell a decoder something; no text passes to another person."""
    told = {
        name: value
        for name in ("sprop-stereo", "usedtx")
        if (value := producer.codec_parameters.get(name)) in (0, 1) and ours.kind == "audio"
    }
    return {**ours.parameters, **{name: int(value) for name, value in told.items()}}


def _feedback_shape(feedback: Iterable[Feedback]) -> list[RtcpFeedback]:
    return [{"type": kind, "parameter": parameter} for kind, parameter in feedback]


def _codec_shape(
    codec: Codec, feedback: tuple[Feedback, ...], parameters: Mapping[str, ParameterValue]
) -> RtpCodecParameters:
    shape: RtpCodecParameters = {
        "mimeType": codec.mime_type,
        "payloadType": codec.payload_type,
        "clockRate": codec.clock_rate,
        "parameters": dict(parameters),
        "rtcpFeedback": _feedback_shape(feedback),
    }
    if codec.channels is not None:
        shape["channels"] = codec.channels
    return shape


def _same_codec(ours: Codec, theirs: Codec) -> bool:
    if (ours.name, ours.clock_rate) != (theirs.name, theirs.clock_rate):
        return False
    if ours.channels is not None and ours.channels != theirs.channels:
        return False
    if ours.name != "video/h264":
        return True
    return theirs.parameters.get("packetization-mode", 0) == 1 and _is_constrained_baseline(
        theirs.parameters.get("profile-level-id", "42e01f")
    )


def _is_constrained_baseline(profile_level_id: ParameterValue) -> bool:
    """RFC 6184 table 5: profile 42 with constraint 1, 4D with constraint 0, 58 with both; any level."""
    text = str(profile_level_id)
    if not re.fullmatch(r"[0-9a-fA-F]{6}", text):
        return False
    profile, constraints = int(text[:2], 16), int(text[2:4], 16)
    needed = {0x42: 0x40, 0x4D: 0x80, 0x58: 0xC0}.get(profile)
    return needed is not None and constraints & needed == needed


def _codec(value: object, where: str, payload_type_field: str, default: int | None = None) -> Codec:
    codec = read_mapping(value, where)
    mime_type = read_text(codec.get("mimeType"), f"{where}.mimeType")
    kind = _kind(mime_type.partition("/")[0].lower(), f"{where}.mimeType")
    payload_type = read_integer(
        codec.get(payload_type_field, default), f"{where}.{payload_type_field}", 0, 127
    )
    if 64 <= payload_type <= 95:
        raise OrtcError(f"{where}.{payload_type_field}: {payload_type} collides with RTCP")
    channels = read_optional(codec.get("channels"), f"{where}.channels", _channels)
    return Codec(
        kind=kind,
        mime_type=mime_type,
        payload_type=payload_type,
        clock_rate=read_integer(codec.get("clockRate"), f"{where}.clockRate", 1, 1_000_000),
        channels=channels,
        parameters=_format_parameters(codec.get("parameters", {}), f"{where}.parameters"),
        feedback=_feedback(codec.get("rtcpFeedback", []), f"{where}.rtcpFeedback"),
    )


def _format_parameters(value: object, where: str) -> dict[str, ParameterValue]:
    found: dict[str, ParameterValue] = {}
    parameters = read_mapping(value, where)
    if len(parameters) > MAX_PARAMETERS:
        raise OrtcError(f"{where}: more than {MAX_PARAMETERS} entries")
    for name, each in parameters.items():
        key = read_text(name, where, empty=True)
        if isinstance(each, str):
            found[key] = read_text(each, f"{where}.{key}", empty=True)
        elif isinstance(each, int | float) and abs(each) < 2**53:
            found[key] = each
        elif each is not None:
            raise OrtcError(f"{where}.{key}: neither text nor a finite number")
    return found


def _feedback(value: object, where: str) -> tuple[Feedback, ...]:
    found = []
    for index, each in enumerate(read_sequence(value, where, MAX_FEEDBACK)):
        entry = read_mapping(each, f"{where}[{index}]")
        parameter = entry.get("parameter")
        found.append(
            (
                read_text(entry.get("type"), f"{where}[{index}].type"),
                "" if parameter is None else read_text(parameter, f"{where}[{index}].parameter", empty=True),
            )
        )
    return tuple(found)


def _cname(value: object) -> str:
    """It ends in other people's session descriptions, so nothing may break out of its line."""
    text = read_text(value, "rtcp.cname", empty=True)
    if not re.fullmatch(r"[!-~]*", text):
        raise OrtcError("rtcp.cname: characters other than visible ASCII")
    return text


def _ssrc(value: object, where: str) -> int:
    return read_integer(value, where, 1, 0xFFFFFFFF)


def _channels(value: object, where: str) -> int:
    return read_integer(value, where, 1, 255)


def _kind(value: object, where: str) -> Kind:
    if value == "audio":
        return "audio"
    if value == "video":
        return "video"
    raise OrtcError(f"{where}: neither audio nor video")
