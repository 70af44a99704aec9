"""JSON from strangers: what Python's parser lets through and other parsers do not is an error here."""

import json
import re
from array import array
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

MAX_DEPTH = 64
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""To the end of the text if it has no end of its own, so that nothing is looked at twice."""
_OPENS, _CLOSES = b"[{", b"]}"
_STEPS = bytes.maketrans(_OPENS + _CLOSES, b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - {*_OPENS, *_CLOSES})


def loads(text: str | bytes) -> Any:
    """Raises ValueError for anything but well-formed JSON (RFC 8259) with unique names (RFC 7493, I-JSON),
    finite numbers, text that can be written as UTF-8, and at most `MAX_DEPTH` levels."""
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    _check_depth(text)
    value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("text with a lone surrogate") from error
    return value


def _check_depth(text: str) -> None:
    """Before anything is built of it."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    outside = _STRING.sub(b"", text.encode("utf-8", "surrogatepass"))
    steps = array("b", outside.translate(_STEPS, _NO_BRACKETS))
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} levels")


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise ValueError(f"the name {name[:40]!r} stands twice")
        result[name] = value
    return result


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a number in JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number out of range")
    return value
