"""Parameters and capabilities of devices: `OrtcError` that tells briefly why, or bounded values to offer.

What a publisher writes reaches no listener as text.
"""

from __future__ import annotations

import json
from typing import Any, get_args

from media.ortc import (
    CONSUMER_EXTENSION_IDS,
    MAX_CODECS,
    MAX_ENCODINGS,
    MAX_FEEDBACK,
    MAX_PARAMETERS,
    Kind,
    OrtcError,
    can_consume,
    consumer_parameters,
    producer_shape,
    router_capabilities,
    validate_capabilities,
    validate_producer,
)
from tests.fuzz.reading import Input, changed, value
from tests.fuzz.target import Target
from tests.media.endpoint import OPUS_PARAMETERS, SIMULCAST_PARAMETERS, VP8_PARAMETERS

_H264: dict[str, Any] = {
    **VP8_PARAMETERS,
    "codecs": [
        {
            "mimeType": "video/H264",
            "payloadType": 108,
            "clockRate": 90000,
            "parameters": {"packetization-mode": 1, "profile-level-id": "42e01f"},
            "rtcpFeedback": [{"type": "nack", "parameter": "pli"}],
        }
    ],
}
PARAMETERS: list[Any] = [OPUS_PARAMETERS, VP8_PARAMETERS, SIMULCAST_PARAMETERS, _H264]
CAPABILITIES: Any = router_capabilities()
WORDS = (
    *("audio", "video", "audio/opus", "video/VP8", "video/rtx", "video/H264", "nack", "pli", "ccm", "fir"),
    *(
        "mid",
        "codecs",
        "headerExtensions",
        "encodings",
        "rtcp",
        "ssrc",
        "rtx",
        "rid",
        "scalabilityMode",
        "cname",
    ),
    *(
        "mimeType",
        "payloadType",
        "preferredPayloadType",
        "clockRate",
        "channels",
        "parameters",
        "rtcpFeedback",
    ),
    *(
        "type",
        "parameter",
        "uri",
        "id",
        "preferredId",
        "encrypt",
        "kind",
        "direction",
        "sendrecv",
        "recvonly",
    ),
    *(
        "mux",
        "reducedSize",
        "apt",
        "profile-level-id",
        "packetization-mode",
        "sprop-stereo",
        "usedtx",
        "4d8028",
    ),
    *CONSUMER_EXTENSION_IDS,
)
_LONGEST_REASON = 700
_MOST_KEPT = 1 << 17
_SECRET = "told-by-a-publisher"
_DEVICE = validate_capabilities(CAPABILITIES)


def check(data: bytes) -> None:
    source = Input(data)
    form = source.number()
    kind: Any = get_args(Kind)[form & 1] if form & 2 else value(source, WORDS)
    if form & 4:
        try:
            whole = json.loads(source.rest())
        except (ValueError, RecursionError):
            return
    else:
        template = source.of([*PARAMETERS, CAPABILITIES])
        whole = changed(source, template, (*WORDS, _SECRET))
    _produce(kind, whole)
    _receive(whole)


def _produce(kind: object, whole: object) -> None:
    try:
        found = validate_producer(kind, whole)
    except OrtcError as error:
        assert len(str(error)) <= _LONGEST_REASON
        return
    assert 1 <= len(found.encodings) <= MAX_ENCODINGS
    assert len(found.feedback) <= MAX_FEEDBACK
    assert len(found.codec_parameters) <= MAX_PARAMETERS
    assert found.kind in get_args(Kind)
    assert len(set(found.extension_ids.values())) == len(found.extension_ids)
    assert set(found.forwarded_extensions.values()) <= set(CONSUMER_EXTENSION_IDS.values())
    kept = producer_shape(found)
    assert len(json.dumps(kept, allow_nan=False)) <= _MOST_KEPT
    assert validate_producer(kind, kept) == found
    assert can_consume(found, _DEVICE)
    offered = consumer_parameters(found, _DEVICE, ssrc=1, rtx_ssrc=2, cname="ours", mid="0")
    text = json.dumps(offered, allow_nan=False)
    assert _SECRET not in text
    assert len(text) < 4096


def _receive(whole: object) -> None:
    try:
        device = validate_capabilities(whole)
    except OrtcError as error:
        assert len(str(error)) <= _LONGEST_REASON
        return
    assert len(device.codecs) <= MAX_CODECS
    for parameters in PARAMETERS:
        kind = "audio" if parameters is OPUS_PARAMETERS else "video"
        producer = validate_producer(kind, parameters)
        try:
            offered = consumer_parameters(producer, device, ssrc=1, rtx_ssrc=2, cname="ours")
        except OrtcError:
            assert not can_consume(producer, device)
        else:
            assert can_consume(producer, device)
            assert _SECRET not in json.dumps(offered, allow_nan=False)


_SAME_ID = [{**extension, "id": 4} for extension in VP8_PARAMETERS["headerExtensions"]]


def _text(whole: Any, kind: int) -> bytes:
    return bytes((6 | kind,)) + json.dumps(whole).encode()


TARGET = Target(
    check,
    seeds=[
        *(_text(each, int(each is not OPUS_PARAMETERS)) for each in PARAMETERS),
        _text(CAPABILITIES, 0),
        *(bytes((2 | (number != 0), number)) + b"\1\0\7\0\3\5" for number in range(5)),
        b"\2\0\2\0\5\2\xff\0\4\3\7",
        b"\6" + b"[" * 500,
        _text({**VP8_PARAMETERS, "headerExtensions": _SAME_ID}, 1),
        b"\7" + json.dumps({**VP8_PARAMETERS, "codecs": VP8_PARAMETERS["codecs"] * 40}).encode(),
    ],
    words=[b'"%s"' % word.encode() for word in WORDS] + [b"NaN", b"1e999", b"-1", b"null", b"[]", b"{}"],
    largest=4096,
)
