"""Faults as they are kept: one input for each place in the code, in as few bytes as a short search finds."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable
from pathlib import Path

_TRIES = 400


class Faults:
    """Calls `check`, and keeps what it raises in `folder`: the input, and a traceback beside it."""

    def __init__(self, check: Callable[[bytes], None], folder: Path) -> None:
        self._check = check
        self._folder = folder
        self._kept: dict[str, int] = {}

    def __call__(self, data: bytes) -> None:
        place = self._fault(data)
        if place is not None and len(data) < self._kept.get(place, 1 << 30):
            self._keep(place, reduced(data, lambda shorter: self._fault(shorter) == place))

    def _fault(self, data: bytes) -> str | None:
        """Where it came to grief; None when all is well."""
        try:
            self._check(data)
        except Exception as error:
            return place_of(error)
        return None

    def _keep(self, place: str, data: bytes) -> None:
        self._kept[place] = len(data)
        self._folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(place.encode()).hexdigest()[:12]
        (self._folder / name).write_bytes(data)
        try:
            self._check(data)
        except Exception:
            (self._folder / f"{name}.txt").write_text(f"{data!r}\n\n{traceback.format_exc()}")


def place_of(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {last.filename}:{last.lineno}"


def reduced(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """The same without parts that do not matter, large ones first."""
    size, tries = len(data), 0
    while size > 0 and tries < _TRIES:
        at, shorter = 0, False
        while at < len(data) and tries < _TRIES:
            candidate = data[:at] + data[at + size :]
            tries += 1
            if fails(candidate):
                data, shorter = candidate, True
            else:
                at += size
        if not shorter:
            size //= 2
    return data
