"""JSON from strangers: what Python's parser lets through and other parsers do not is an error here."""

import json
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 64


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
    depth = 0
    in_string = escaped = False
    for ch in text:
        if in_string:
            if escaped:
                escaped = False
            elif ch == "\\":
                escaped = True
            elif ch == '"':
                in_string = False
        elif ch == '"':
            in_string = True
        elif ch in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"more than {MAX_DEPTH} levels")
        elif ch in "]}":
            depth -= 1


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
