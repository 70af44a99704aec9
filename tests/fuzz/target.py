"""What a target is, and how it is found by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

NAMES = (
    "stun",
    "demultiplexing",
    "dtls",
    "rtp",
    "extensions",
    "rtcp",
    "twcc",
    "repair",
    "ortc",
    "control",
    "json",
    "frames",
    "bodies",
    "tokens",
    "assertions",
    "codes",
    "events",
)
REGRESSIONS = Path(__file__).with_name("regressions")


@dataclass(frozen=True)
class Target:
    """`seeds`: well-formed inputs to begin with; `words`: what inputs may be made of; `largest`: in bytes."""

    check: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes] = ()
    largest: int = 2048


def load(name: str) -> Target:
    """Imported only now, so that a fuzzer can prepare the product's modules before."""
    target = import_module(f"tests.fuzz.targets.{name}").TARGET
    assert isinstance(target, Target)
    return target


def regressions(name: str) -> list[Path]:
    folder = REGRESSIONS / name
    return sorted(folder.iterdir()) if folder.is_dir() else []
