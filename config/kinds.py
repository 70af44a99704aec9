"""Kinds of values that several settings have."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, NonNegativeFloat, PositiveFloat

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def _seconds(value: object) -> object:
    """`"12h"`, `"10m"`, `"2.5s"`, `"7d"` or a number of seconds."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("must be a number of seconds, or a number with s, m, h or d behind it")
    return float(match[1]) * _UNITS.get(match[2], 1)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _secret(path: Path) -> Path:
    try:
        if not secret_in(path):
            raise ValueError(f"{path} is empty")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
    return path


def secret_in(path: Path) -> str:
    """What a file holds, without the line's end."""
    return path.read_text("utf-8").rstrip("\r\n")


Seconds = Annotated[PositiveFloat, BeforeValidator(_seconds)]
SecondsOrZero = Annotated[NonNegativeFloat, BeforeValidator(_seconds)]
ExistingFile = Annotated[Path, AfterValidator(_existing)]
SecretFile = Annotated[Path, AfterValidator(_secret)]
