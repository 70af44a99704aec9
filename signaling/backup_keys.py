"""The keys without which a backup of the store is not of use: in a file that is kept elsewhere."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings
from rooms.store.backup import open_private
from rooms.store.dump import CopyRefused
from rooms.store.keys import load_key
from signaling.stores import store_key

FORMAT = "motesrum-backup-keys-1"


@dataclass(frozen=True, slots=True)
class Keys:
    """`file_key` wraps the keys of content; `service` is the key folder, by the names of its files."""

    file_key: bytes
    service: Mapping[str, bytes]


def beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.keys")


def collect(settings: Settings) -> Keys:
    """Raises StoreUnavailable, OSError."""
    return Keys(load_key(store_key(settings)), _folder(settings))


def write(path: Path, kept: Keys) -> None:
    """Raises CopyRefused for a path that is taken, OSError."""
    body = {
        "format": FORMAT,
        "file_key": base64.b64encode(kept.file_key).decode(),
        "service": {name: base64.b64encode(key).decode() for name, key in kept.service.items()},
    }
    try:
        with open_private(path) as file:
            file.write(json.dumps(body).encode())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise CopyRefused(f"there is a file {path} already") from None


def read(path: Path) -> Keys:
    """Raises CopyRefused, OSError."""
    try:
        body = json.loads(path.read_bytes())
        if body["format"] != FORMAT:
            raise ValueError(body["format"])
        service = {name: base64.b64decode(key, validate=True) for name, key in body["service"].items()}
        if any(Path(name).name != name or name.startswith(".") for name in service):
            raise ValueError("the name of a key")
        return Keys(base64.b64decode(body["file_key"], validate=True), service)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CopyRefused(f"{path} holds no keys of a backup") from None


def demand_room(settings: Settings, kept: Keys) -> None:
    """The key folder is empty, or holds these very keys. Raises CopyRefused."""
    there = _folder(settings)
    if any(kept.service.get(name) != key for name, key in there.items()):
        raise CopyRefused(f"{settings.keys} holds other keys; restore into an empty data folder")


def put_back(settings: Settings, kept: Keys) -> None:
    folder = settings.keys
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in kept.service.keys() - _folder(settings).keys():
        with open_private(folder / name) as file:
            file.write(kept.service[name])
            file.flush()
            os.fsync(file.fileno())


def _folder(settings: Settings) -> dict[str, bytes]:
    found = (settings.keys).glob("*")
    return {path.name: path.read_bytes() for path in found if not path.name.startswith(".")}
