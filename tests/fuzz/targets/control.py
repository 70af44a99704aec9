"""Lines on a worker's control socket: each is answered in one bounded line with a result or a known error.

Whatever was asked for, the worker can still tell what it holds, and nothing is left of a closed room.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from config.media import MediaSettings
from media.exchange import Exchange
from media.worker import Worker
from tests.fuzz.looping import run
from tests.fuzz.port import BarePort
from tests.fuzz.reading import Input, changed
from tests.fuzz.target import Target
from tests.fuzz.targets.ortc import CAPABILITIES, PARAMETERS
from tests.media.room import CERTIFICATE

ERRORS = {
    *("unknown_transport", "unknown_producer", "unknown_consumer", "unknown_method", "not_allowed"),
    *("cannot_consume", "invalid_parameters", "duplicate_id", "stale_revision", "limit_reached"),
    *("wrong_direction", "wrong_state"),
}
_SEND = {"room": "r", "owner": "a", "transport": "s", "direction": "send"}
_RECEIVE = {"room": "r", "owner": "b", "transport": "t", "direction": "recv"}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("createTransport", _SEND),
    ("createTransport", {**_RECEIVE, "rtpCapabilities": CAPABILITIES}),
    ("setTable", {"room": "r", "revision": 1, "allow": {"b": {"a": ["microphone", "camera"]}}}),
    (
        "produce",
        {
            "transport": "s",
            "producer": "m",
            "kind": "audio",
            "source": "microphone",
            "rtpParameters": PARAMETERS[0],
        },
    ),
    (
        "produce",
        {
            "transport": "s",
            "producer": "c",
            "kind": "video",
            "source": "camera",
            "rtpParameters": PARAMETERS[2],
        },
    ),
    ("consume", {"transport": "t", "producer": "m", "consumer": "x"}),
    ("resumeConsumer", {"consumer": "x"}),
    ("setPreferredLayers", {"consumer": "x", "spatial": 1}),
    ("connectTransport", {"transport": "s", "dtlsParameters": CERTIFICATE.parameters("client")}),
    ("restartIce", {"transport": "s"}),
    ("pauseProducer", {"producer": "m"}),
    ("resumeProducer", {"producer": "m"}),
    ("closeConsumer", {"consumer": "x"}),
    ("closeProducer", {"producer": "m"}),
    ("closeTransport", {"transport": "s"}),
    ("closeOwner", {"room": "r", "owner": "b"}),
    ("closeRoom", {"room": "r"}),
    ("stats", {"room": None}),
]
WORDS = (*"rabstmcx", "send", "recv", "audio", "video", "microphone", "camera", "screen", "client", "server")
_MOST_LINES = 30
_LONGEST_ANSWER = 1 << 16

told: list[str] = []
_worker = Worker(MediaSettings(), Path("nowhere"))
_worker.port.close()
_worker.port = BarePort()
_worker.exchange = Exchange(_worker.port, lambda event, data: told.append(json.dumps(data)))


async def lines(source: Input) -> None:
    try:
        for _ in range(_MOST_LINES):
            if not source:
                break
            _answered(_line(source))
        json.dumps(_worker._hello())
        told.clear()
    finally:
        _worker.exchange.close()
    assert len(_worker.port.agent) == 0


def _line(source: Input) -> bytes:
    form = source.number()
    if form >= 0xE0:
        return source.take(source.number(2))
    method, params = source.of(CALLS)
    request: Any = {"id": 7, "method": method, "params": params}
    if form & 1:
        request["params"] = changed(source, params, WORDS)
    elif form & 2:
        request = changed(source, request, WORDS)
    return json.dumps(request).encode()


def _answered(line: bytes) -> None:
    answer = _worker._answer(line)
    assert len(json.dumps(answer)) <= _LONGEST_ANSWER
    assert ("result" in answer) != ("error" in answer)
    if "error" in answer:
        assert answer["error"]["code"] in ERRORS, answer
        assert len(answer["error"]["message"]) <= 1000


def check(data: bytes) -> None:
    run(lines(Input(data)))


_ALL = b"".join(bytes((0, number)) for number in range(len(CALLS)))
TARGET = Target(
    check,
    seeds=[
        _ALL,
        b"\0\0\0\1\0\2\0\3\0\5\0\6" + b"\1\7\1\0\1\3\5\0\x11",
        b"\0\0\0\0\0\2\0\2\0\4\0\x0d\0\3",
        b"\xe0\0\x02{}" + b"\xe0\0\x0b" + b'{"id": 1e9}' + b"\xe0\0\x01[",
        b"\xe0\0\xff" + b'{"id":3,"method":"stats","params":{}}' + b" " * 218,
        b"\2\3\1\0\2\0\6\1",
        b"\xe0\x0b\xb8" + b"[" * 3000,
        b"\0\0\1\3\1\0\5\2\xff\0\4\1\0\4\0\3\xff",
    ],
    words=[
        b'"id"',
        b'"method"',
        b'"params"',
        *(b'"%s"' % name.encode() for name, _ in CALLS),
        b"1e999",
        b"NaN",
    ],
    largest=4096,
)
