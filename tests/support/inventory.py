"""What a program holds on to: found by looking, so that what is new is counted too.

before = taken(services)
…
assert differences(before, taken(services)) == {}
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import sys
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGES = ("rooms", "media", "signaling", "config")
CACHED = ("media.lettering", "media.pictures", "media.voices")
"""What tests and bots show and say, of which the latest is kept."""
SMALL_BLOCK = 64
CONTAINERS = (dict, list, set, frozenset, tuple, deque)

Inventory = Counter[str]


def taken(root: object) -> Inventory:
    """Entries of every container that is reached from `root` through objects of ours, how many objects of
    ours there are at all, and the tasks, timers and descriptors of this process."""
    gc.collect()
    return Counter(
        {
            **{f"entries of {path}": size for path, size in sizes(root).items()},
            **{f"objects {name}": number for name, number in objects().items()},
            **{f"tasks {name}": number for name, number in tasks().items()},
            **{f"timers {name}": number for name, number in timers().items()},
            "descriptors": descriptors(os.getpid()),
        }
    )


def differences(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """How many more there are than before. Fewer are what other tests have left, and are no leak."""
    changed = {name: after[name] - before.get(name, 0) for name in sorted(after)}
    return {name: by for name, by in changed.items() if by > 0}


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def resident(pid: int) -> int:
    """Bytes of memory in use (proc(5), statm)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


_MALLINFO = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks")


class _Mallinfo(ctypes.Structure):
    """mallinfo2 of malloc(3)."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in (*_MALLINFO, "keepcost"))


def allocated() -> int:
    """Bytes that this process has allocated and not freed, without the gaps between them: what malloc tells
    (glibc), and Python's small blocks at their usual size."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = _Mallinfo
    told = libc.mallinfo2()
    return int(told.uordblks + told.hblkhd + SMALL_BLOCK * sys.getallocatedblocks())


def processes_with(word: str) -> list[int]:
    """The ids of all processes that have it in their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if word.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
    return found


def objects() -> Counter[str]:
    kinds = Counter(type(each) for each in gc.get_objects() if _ours(type(each)))
    return Counter({_name(kind): number for kind, number in kinds.items() if kind.__module__ not in CACHED})


def tasks() -> Counter[str]:
    current = asyncio.current_task()
    return Counter(
        getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks() if task is not current
    )


def timers() -> Counter[str]:
    """Of ours, on the loop of the standard library."""
    waiting = [handle for handle in asyncio.get_running_loop()._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
    calls = [getattr(handle._callback, "__func__", handle._callback) for handle in waiting]
    return Counter(
        f"{call.__module__}.{call.__qualname__}"
        for call in calls
        if str(getattr(call, "__module__", "")).startswith(PACKAGES)
    )


def sizes(root: object) -> Counter[str]:
    """Attribute path → entries. What is in a container goes by the container's path, whatever its key."""
    found: Counter[str] = Counter()
    seen: set[int] = set()
    waiting = deque([(type(root).__name__, root)])
    while waiting:
        path, value = waiting.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, CONTAINERS):
            found[path] += len(value)
            waiting.extend((path + "[]", each) for each in _values(value))
        elif _ours(type(value)):
            waiting.extend((f"{path}.{name}", each) for name, each in _attributes(value))
    return found


def _values(container: Collection[Any]) -> list[Any]:
    return list(container.values() if isinstance(container, dict) else container)


def _attributes(value: object) -> Iterator[tuple[str, Any]]:
    yield from vars(value).items() if hasattr(value, "__dict__") else ()
    for kind in type(value).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield name, getattr(value, name)


def _ours(kind: type) -> bool:
    return str(kind.__module__).partition(".")[0] in PACKAGES


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
