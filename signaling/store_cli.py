"""`motesrum store copy`, `motesrum backup` and `motesrum restore`."""

from pathlib import Path
from typing import Annotated

import typer

from config.settings import Settings
from rooms.audit import Heads
from rooms.store import backup
from rooms.store.codec import meeting_codec
from rooms.store.dump import CopyRefused, copy
from rooms.store.redis import RedisStore
from rooms.store.redis_copy import RedisCopy
from rooms.store.sqlite_copy import SqliteCopy
from signaling import backup_keys
from signaling.flags import Config, Data, fail, run, settings_of, told
from signaling.serving import owned
from signaling.stores import database, redis_key, redis_server

store = typer.Typer(help="Where meetings are kept.", no_args_is_help=True)

Place = SqliteCopy | RedisCopy
FAULTY = 1


@store.command("copy")
def copy_command(
    source: Annotated[str, typer.Option("--from", help="sqlite, redis, or the path of a database")],
    target: Annotated[str, typer.Option("--to", help="sqlite, redis, or the path of a database")],
    config: Config = None,
    data: Data = None,
) -> None:
    """Copy everything into an empty store, while no service runs. May be broken off, and begun again.

    sqlite is the database of the data folder, redis the one of the settings. The keys of the service itself
    stay in the data folder.
    """
    settings = settings_of(config, data=data)
    if source == target:
        fail("--to: is where it comes from")
    with told(), owned(settings.data):
        heads: Heads = run(copy(_place(settings, source), _place(settings, target)))
    print(_told(heads))


def backup_command(
    file: Annotated[Path, typer.Argument(help="where to write; FILE.keys is written beside it")],
    config: Config = None,
    data: Data = None,
) -> None:
    """Write the store to FILE, also while the service runs, and what opens its content to FILE.keys.

    Keep the two apart. Exit code 1 when the log is not what was written.
    """
    settings = settings_of(config, data=data)
    with told():
        kept = backup_keys.collect(settings)
        backup_keys.write(backup_keys.beside(file), kept)
        try:
            heads: Heads = run(backup.write(_place(settings, settings.store), file))
        except BaseException:
            backup_keys.beside(file).unlink(missing_ok=True)
            raise
        faults = backup.BackupFile(file, kept.file_key).faults()
    print(_told(heads))
    for fault in faults:
        print(f"{fault.kind.value}: {fault.stream or 'the service'} at {fault.version}: {fault.message}")
    raise typer.Exit(FAULTY if faults else 0)


def restore_command(
    file: Annotated[Path, typer.Argument(help="what backup has written")],
    keys: Annotated[Path | None, typer.Option("--keys", help="FILE.keys, wherever it is kept")] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Fill an empty store from FILE, and the keys of the service from FILE.keys, while no service runs."""
    settings = settings_of(config, data=data)
    with told(), owned(settings.data):
        kept = backup_keys.read(keys or backup_keys.beside(file))
        backup_keys.demand_room(settings, kept)
        heads: Heads = run(copy(backup.BackupFile(file, kept.file_key), _place(settings, settings.store)))
        backup_keys.put_back(settings, kept)
    print(_told(heads))


def _place(settings: Settings, name: str) -> Place:
    if name == "redis":
        if settings.redis is None:
            raise CopyRefused("the settings do not say where Redis is: set redis.url")
        return RedisCopy(RedisStore(redis_server(settings.redis), redis_key(settings), None, meeting_codec()))
    if name != "sqlite" and not name.endswith(".sqlite"):
        raise CopyRefused(f"{name} is neither sqlite, redis nor the path of a .sqlite file")
    return SqliteCopy(database(settings) if name == "sqlite" else Path(name))


def _told(heads: Heads) -> str:
    events = sum(head.version for head in heads.streams.values())
    return f"{events} events of {len(heads.streams)} streams, and their chains are whole"
