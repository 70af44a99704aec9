"""Lets the fuzzer at one target: `python -m tests.fuzz.one NAME [--seconds N]`. Needs atheris.

New inputs are added to `corpus/NAME`; what breaks the contract is kept in `found/NAME`.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
from collections.abc import Iterable
from pathlib import Path

import atheris

from tests.fuzz.reducing import Faults
from tests.fuzz.target import NAMES, Target, load, regressions

HERE = Path(__file__).parent
CORPUS, FOUND = HERE / "corpus", HERE / "found"
FOLLOWED = ["media", "rooms", "signaling", "config", "aioice", "jwt"]
"""Packages whose branches guide the search."""
SLOWEST = 10
"""Seconds after which an input counts as one that hangs."""
LARGEST_PROCESS = 2048
"""MiB."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60)
    chosen = parser.parse_args()
    with atheris.instrument_imports(include=FOLLOWED):
        target = load(chosen.name)
    _be_quiet()
    corpus, found = CORPUS / chosen.name, FOUND / chosen.name
    found.mkdir(parents=True, exist_ok=True)
    _keep(corpus, [*target.seeds, *(path.read_bytes() for path in regressions(chosen.name))])
    options = [
        f"-max_total_time={chosen.seconds}",
        f"-max_len={target.largest}",
        f"-timeout={SLOWEST}",
        f"-rss_limit_mb={LARGEST_PROCESS}",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
        *_dictionary(target, found),
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], Faults(target.check, found))
    atheris.Fuzz()


def _keep(folder: Path, inputs: Iterable[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def _dictionary(target: Target, folder: Path) -> list[str]:
    if not target.words:
        return []
    path = folder.with_suffix(".dict")
    lines = ('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.words)
    path.write_text("".join(lines))
    return [f"-dict={path}"]


def _be_quiet() -> None:
    """What the product logs about strangers would cost more than the check."""
    import structlog

    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


if __name__ == "__main__":
    main()
