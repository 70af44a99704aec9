"""`motesrum audit …`: is the log what was written, and who could hear whom."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from rooms.audit import Head, Heads
from rooms.events import Event
from rooms.hearing import Heard, hearing
from rooms.people import Participant
from signaling.flags import Config, Data, fail, offline, run, settings_of

audit = typer.Typer(help="The log: untouched or not, and who could hear whom.", no_args_is_help=True)

FAULTY = 1
FORMAT = "motesrum-heads-1"


@audit.command("verify")
def verify(
    heads: Annotated[Path | None, typer.Option("--heads", help="heads exported earlier")] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Find edits, deletions and reorders; with --heads truncation and rollback too. Exit 1 for a fault."""
    settings = settings_of(config, data=data)
    exported = None if heads is None else read_heads(heads)

    async def work() -> Any:
        async with offline(settings) as store:
            return await store.events.verify(exported), len(await store.events.streams(""))

    faults, streams = run(work())
    for fault in faults:
        where = f"{fault.stream or 'the service'} at {fault.version}" if fault.version else fault.stream
        print(f"{fault.kind.value}: {where}: {fault.message}")
    if faults:
        raise typer.Exit(FAULTY)
    print(f"{streams} streams are what was written")


@audit.command("heads")
def export_heads(config: Config = None, data: Data = None) -> None:
    """Print the ends of all chains, to be kept where this machine cannot change them."""
    settings = settings_of(config, data=data)

    async def work() -> Heads:
        async with offline(settings) as store:
            return await store.events.heads()

    found: Heads = run(work())
    print(json.dumps(_heads_as_json(found), indent=2))


@audit.command("hearing")
def print_hearing(
    meeting: Annotated[str, typer.Argument(help="id of a meeting")],
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, one object a line")] = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Print who could hear and see whom, and when (UTC)."""
    settings = settings_of(config, data=data)

    async def work() -> list[Event]:
        async with offline(settings) as store:
            return [recorded.event for recorded in await store.events.read(f"meeting/{meeting}")]

    log: list[Event] = run(work())
    if not log:
        fail(f"there is no meeting {meeting}")
    for heard in hearing(log):
        print(json.dumps(_as_json(heard), ensure_ascii=False) if as_json else _as_line(heard))


def read_heads(path: Path) -> Heads:
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(found["format"])
        streams = {name: _head(each) for name, each in found["streams"].items()}
        return Heads(_head(found["service"]), streams)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except (ValueError, KeyError, TypeError, AttributeError):
        fail(f"{path}: holds no exported heads")


def _head(value: Any) -> Head:
    return Head(int(value["version"]), bytes.fromhex(value["hash"]))


def _heads_as_json(heads: Heads) -> dict[str, Any]:
    def one(head: Head) -> dict[str, Any]:
        return {"version": head.version, "hash": head.hash.hex()}

    streams = {name: one(head) for name, head in sorted(heads.streams.items())}
    return {"format": FORMAT, "service": one(heads.service), "streams": streams}


def _as_line(heard: Heard) -> str:
    span = f"{_time(heard.begins)} – {'now     ' if heard.ends is None else _time(heard.ends)}"
    sources = ", ".join(heard.sources)
    return f"{span}  {_called(heard.listener)} could hear {_called(heard.source)} ({sources})"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _called(person: Participant) -> str:
    return " ".join(filter(None, (person.name, f"[{person.agency or person.role.value}]")))


def _as_json(heard: Heard) -> dict[str, Any]:
    def person(of: Participant) -> dict[str, Any]:
        return {"participant": of.id, "role": of.role.value, "name": of.name, "agency": of.agency}

    return {
        "listener": person(heard.listener),
        "source": person(heard.source),
        "sources": heard.sources,
        "stations": heard.stations,
        "begins": heard.begins,
        "ends": heard.ends,
    }
