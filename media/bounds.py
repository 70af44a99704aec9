"""Reading JSON-like values of a remote party within bounds; `where` names the field in the error."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

MAX_TEXT = 255

Value = TypeVar("Value")


class OrtcError(ValueError):
    """Parameters or capabilities that we cannot accept; the message says which field and why."""


def read_optional(value: object, where: str, read: Callable[[object, str], Value]) -> Value | None:
    return None if value is None else read(value, where)


def read_mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise OrtcError(f"{where}: not an object")
    return value


def read_sequence(value: object, where: str, limit: int) -> list[object]:
    if not isinstance(value, list):
        raise OrtcError(f"{where}: not a list")
    if len(value) > limit:
        raise OrtcError(f"{where}: more than {limit} entries")
    return value


def read_text(value: object, where: str, *, empty: bool = False) -> str:
    if not isinstance(value, str):
        raise OrtcError(f"{where}: not text")
    if len(value) > MAX_TEXT or not (value or empty):
        raise OrtcError(f"{where}: empty or longer than {MAX_TEXT} characters")
    return value


def read_token(value: object, where: str) -> str:
    """Names that travel in header extensions and session descriptions: short, without spaces or line ends."""
    text = read_text(value, where)
    if not re.fullmatch(r"[A-Za-z0-9_.+-]{1,32}", text):
        raise OrtcError(f"{where}: more than 32 characters, or others than letters, digits and _.+-")
    return text


def read_integer(value: object, where: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise OrtcError(f"{where}: not a whole number")
    if not low <= value <= high:
        raise OrtcError(f"{where}: not within {low}–{high}")
    return value


def require_distinct(values: list[int] | list[str], where: str) -> None:
    if len(set(values)) != len(values):
        raise OrtcError(f"{where} given twice")
