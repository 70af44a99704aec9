"""JSON from strangers: `ValueError`, or what Python's own reader makes of it, with nothing unusual in it."""

from __future__ import annotations

import json
from typing import Any

from signaling.strict_json import MAX_DEPTH, loads
from tests.fuzz.target import Target


def check(data: bytes) -> None:
    try:
        found = loads(data)
    except ValueError as error:
        if "levels" in str(error):
            _demand_deep(data)
        return
    assert found == json.loads(data.decode(), object_pairs_hook=_unique)
    assert _depth(found) <= MAX_DEPTH
    written = json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    assert loads(written) == found
    assert loads(written.decode()) == found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def _demand_deep(data: bytes) -> None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return
    assert _depth(found) > MAX_DEPTH


def _depth(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(_depth, inside), default=0)


TARGET = Target(
    check,
    seeds=[
        b'{"jsonrpc": "2.0", "id": 1, "params": {"a": [1, -2.5e3, null, true, "\\u00e4\\"]"]}}',
        b'{"a": 1, "a": 2}',
        b'["\\ud83d\\ude00", "\xf0\x9f\x98\x80"]',
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"[Infinity, -Infinity, 1e999, -1e999]",
        b"[" * 64 + b"]" * 64,
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 64 + b"1" + b"}" * 64,
        b"1" + b"0" * 5000,
        b"-0.0",
        b'"\\\\\\"[[["',
    ],
    words=[
        b"\\u",
        b"\\ud8",
        b"\\udc",
        b'\\"',
        b"\\\\",
        b"NaN",
        b"Infinity",
        b"1e999",
        b"null",
        b"true",
        b'":',
    ],
    largest=8192,
)
