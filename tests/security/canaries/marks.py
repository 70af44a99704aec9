"""What is found again wherever it turns up: marks in the payloads of packets, and words in any text."""

import re
import struct
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

AGENCIES = ("skatteverket", "forsakringskassan", "arbetsformedlingen", "migrationsverket")

_MAGIC = b"\xfaKNRY"
_MARK = struct.Struct("!5sIcQ")
_CATALOGUE = Path(__file__).parents[3] / "config/defaults/agencies.toml"


@dataclass(frozen=True, slots=True)
class Mark:
    """Which device took it up, "a" or "v", and when (nanoseconds of CLOCK_REALTIME)."""

    device: int
    kind: str
    taken_at: int

    def to_bytes(self) -> bytes:
        return _MARK.pack(_MAGIC, self.device, self.kind.encode(), self.taken_at)


def mark_in(data: bytes) -> Mark | None:
    at = data.find(_MAGIC)
    if at < 0 or len(data) < at + _MARK.size:
        return None
    _, device, kind, taken_at = _MARK.unpack_from(data, at)
    return Mark(device, kind.decode(), taken_at)


class Found(NamedTuple):
    """`kind`: name, purpose, alias, word, letter (with their number), person (an id) or agency (an id)."""

    kind: str
    value: str


def word(kind: str, number: int) -> str:
    """A text that names itself."""
    return f"kanarie-{kind}-{number}."


def found_in(text: str) -> Iterator[Found]:
    for each in _WORD.finditer(text):
        yield Found(each[1], each[2])
    for each in _PERSON.finditer(text):
        yield Found("person", each[0])
    for each in _AGENCY.finditer(text):
        yield Found("agency", _AGENCY_OF[each[0].lower()])


def _agencies_by_name() -> dict[str, str]:
    names = {}
    for agency in tomllib.loads(_CATALOGUE.read_text("utf-8"))["agencies"]:
        for name in (agency["id"], *agency["name"].values()):
            names[name.lower()] = agency["id"]
    return names


_WORD = re.compile(r"kanarie-(name|purpose|alias|word|letter)-(\d+)\.")
_PERSON = re.compile(r"p_[0-9a-f]{16}")
_AGENCY_OF = _agencies_by_name()
_AGENCY = re.compile("|".join(map(re.escape, _AGENCY_OF)), re.IGNORECASE)
