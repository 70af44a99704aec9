"""The processes of this machine, by what stands on their command line."""

from pathlib import Path


def naming(path: Path) -> list[int]:
    """The ids of those that name this path, or one below it."""
    return [pid for pid in _pids() if str(path) in _command_line(pid)]


def gone(pid: int) -> bool:
    """No process, or one that is only waiting for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
