"""How a target makes steps and values of a fuzzer's bytes."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, TypeVar

T = TypeVar("T")

Place = tuple[Any, ...]
_MANY = 1000
"""A value of so many parts is not made longer."""


class Input:
    """Numbers and bytes from the front; when it is used up, zeros and nothing."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._data))

    def number(self, size: int = 1) -> int:
        return int.from_bytes(self.take(size).ljust(size, b"\0"), "big")

    def signed(self, size: int = 1) -> int:
        return int.from_bytes(self.take(size).ljust(size, b"\0"), "big", signed=True)

    def chunk(self) -> bytes:
        """As many bytes as the number in front says."""
        return self.take(self.number())

    def of(self, choices: Sequence[T]) -> T:
        return choices[self.number() % len(choices)]


_WHOLE = (0, 1, -1, 255, 256, 65535, 2**31, 2**32 - 1, 2**32, 2**53, 2**63, -(2**63), 2**64, 10**300)
_TEXTS = (
    "",
    " ",
    "\0",
    "\n",
    "a",
    "ä",
    "\u202e",
    "\U0001f600",
    "\ud800",
    "0",
    "null",
    "-1",
    "../..",
    "x" * 300,
)


def value(source: Input, words: Sequence[str] = (), depth: int = 0) -> Any:
    """Any value that JSON can hold in Python's reading, not a number and lone surrogates included."""
    match source.number() % (12 if depth < 4 else 9):
        case 0:
            return None
        case 1:
            return True
        case 2:
            return False
        case 3:
            return source.of(_WHOLE)
        case 4:
            return source.signed(2)
        case 5:
            return source.of((0.0, 0.5, -1.5, 1e308, float("inf"), float("-inf"), float("nan")))
        case 6:
            return source.of(_TEXTS)
        case 7:
            return source.of(words) if words else ""
        case 8:
            return source.chunk().decode("utf-8", "surrogateescape")
        case 9:
            return [value(source, words, depth + 1) for _ in range(source.number() % 5)]
        case 10:
            return [value(source, words, 4)] * source.number()
        case _:
            names = (
                source.of(words) if words and source.number() & 1 else source.of(_TEXTS) for _ in range(4)
            )
            return {name: value(source, words, depth + 1) for name in names}


def places(inside: Any, at: Place = ()) -> list[Place]:
    """Where something stands in a JSON value, the whole of it first."""
    found = [at]
    entries = (
        inside.items() if isinstance(inside, dict) else enumerate(inside) if isinstance(inside, list) else ()
    )
    for key, each in entries:
        found += places(each, (*at, key))
    return found


def changed(source: Input, whole: Any, words: Sequence[str] = ()) -> Any:
    """A copy in which the input has replaced, left out, repeated or added something, at most seven times."""
    whole = deepcopy(whole)
    for _ in range(source.number() % 8):
        whole = _change(source, whole, words)
    return whole


def _change(source: Input, whole: Any, words: Sequence[str]) -> Any:
    known = places(whole)
    place = known[source.number(2) % len(known)]
    how = source.number() % 4
    if not place:
        return value(source, words) if how == 0 else whole
    holder, last = whole, place[-1]
    for key in place[:-1]:
        holder = holder[key]
    if how == 1:
        del holder[last]
    elif how == 2 and isinstance(holder, list) and len(known) < _MANY:
        holder += [holder[last]] * source.number()
    elif how == 3 and isinstance(holder, dict):
        holder[source.of(words) if words else ""] = value(source, words)
    else:
        holder[last] = value(source, words)
    return whole
