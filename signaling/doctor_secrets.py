"""What the doctor looks at in the service's own keys, and in the files of secrets that the settings name."""

from collections.abc import Callable, Iterator
from pathlib import Path

from config.settings import Settings
from signaling.keys import KeyFolder, KeyFolderError
from signaling.stores import store_key

Check = tuple[str, Callable[[], str | None]]
EVERYBODY = 0o007


def checks(settings: Settings) -> list[Check]:
    return [
        (f"the keys in {settings.keys} can be used", lambda: _usable(settings.keys)),
        ("keys and secrets can be read by nobody else", lambda: _open(settings)),
    ]


def _usable(folder: Path) -> str | None:
    """Nothing is made here, and where there is no key yet the first start makes one."""
    try:
        next(folder.iterdir(), None)
        KeyFolder(folder).known_keys()
    except FileNotFoundError:
        return None
    except KeyFolderError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename}: {error.strerror}; give it to the user of the service"
    return None


def _open(settings: Settings) -> str | None:
    """Keys that the service makes are its user's alone; what an operator puts there may be a group's too."""
    try:
        found = KeyFolder(settings.keys).open_to_others()
        found += [path for path in _files(settings) if path.exists() and path.stat().st_mode & EVERYBODY]
    except PermissionError as error:
        return f"{error.filename}: {error.strerror}"
    return None if not found else f"{found[0]} is open to others"


def _files(settings: Settings) -> Iterator[Path]:
    yield store_key(settings)
    redis = settings.redis
    named = [settings.turn_secret_file, settings.tls_key]
    if redis is not None:
        named += [redis.password_file, redis.sentinel_password_file, redis.tls_key]
    yield from (path for path in named if path is not None)
