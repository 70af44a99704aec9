"""Every target in turn, and a table of what came of it: `python -m tests.fuzz [--seconds N] [NAME …]`.

Exit code 1 when a contract was broken; the inputs are then in `tests/fuzz/found`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench import figures
from tests.fuzz.target import NAMES

FOUND = Path(__file__).with_name("found")
START_AND_END = 120
"""Seconds that a target may take besides its own."""
HEAD = ("target", "inputs", "per second", "branches", "features", "faults")
_PROGRESS = re.compile(r"cov: (\d+) ft: (\d+)")
_UNITS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_ARTIFACTS = ("crash-", "timeout-", "oom-", "leak-")


@dataclass(frozen=True)
class Outcome:
    """`faults`: files with inputs that broke the contract, hung or took too much memory."""

    name: str
    inputs: int
    seconds: int
    branches: int
    features: int
    faults: list[str]

    @property
    def row(self) -> tuple[object, ...]:
        rate = self.inputs // max(1, self.seconds)
        return self.name, self.inputs, rate, self.branches, self.features, len(self.faults)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], default=[])
    parser.add_argument("--seconds", type=int, default=60)
    chosen = parser.parse_args()
    outcomes = [fuzz(name, chosen.seconds) for name in chosen.names or NAMES]
    print(figures.table(HEAD, [outcome.row for outcome in outcomes]))
    figures.write("fuzz", {"seconds": chosen.seconds, "targets": [asdict(outcome) for outcome in outcomes]})
    faults = [fault for outcome in outcomes for fault in outcome.faults]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def fuzz(name: str, seconds: int) -> Outcome:
    print(f"{name}: {seconds} s", file=sys.stderr, flush=True)
    folder = FOUND / name
    for old in folder.glob("*"):
        old.unlink()
    FOUND.mkdir(exist_ok=True)
    log = FOUND / f"{name}.log"
    command = [sys.executable, "-m", "tests.fuzz.one", name, "--seconds", str(seconds)]
    with log.open("wb") as output:
        subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, timeout=seconds + START_AND_END, check=False
        )
    return read(name, seconds, log.read_text("utf-8", "replace"), sorted(folder.glob("*")))


def read(name: str, seconds: int, log: str, kept: list[Path]) -> Outcome:
    """What the fuzzer's log says. A log without its last figures is a fault too."""
    progress, units = _PROGRESS.findall(log), _UNITS.search(log)
    faults = [str(path) for path in kept if path.suffix != ".txt"]
    if units is None and not any(path.name.startswith(_ARTIFACTS) for path in kept):
        faults.append(f"{name} did not come to its end: see {FOUND / name}.log")
    branches, features = map(int, progress[-1]) if progress else (0, 0)
    return Outcome(name, int(units[1]) if units else 0, seconds, branches, features, faults)


if __name__ == "__main__":
    sys.exit(main())
