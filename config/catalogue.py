"""The data a site starts from: agencies, sites, routes and languages, read from TOML files."""

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

DEFAULTS = Path(__file__).with_name("defaults")
REQUIRED_LANGUAGES = ("sv", "en")

T = TypeVar("T")

_STRICT = ConfigDict(extra="forbid")


class CatalogueError(Exception):
    """A file of the catalogue cannot be used; the message is one line that says which and why."""


def _complete(texts: dict[str, str]) -> dict[str, str]:
    missing = [language for language in REQUIRED_LANGUAGES if not texts.get(language, "").strip()]
    if missing:
        raise ValueError(f"has no text in {' and '.join(missing)}")
    return texts


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name}") from error
    return name


Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Line = Annotated[str, Field(min_length=1)]
Texts = Annotated[dict[str, str], AfterValidator(_complete)]
"""Language code → text; Swedish and English are always there."""


@dataclass(frozen=True, config=_STRICT)
class Purpose:
    id: Id
    text: Texts


@dataclass(frozen=True, config=_STRICT)
class Agency:
    id: Id
    name: Texts
    purposes: tuple[Purpose, ...]
    reviewed_by: str = ""
    """Who has read the texts for newcomers; empty when nobody has."""

    def purpose(self, purpose: str) -> Purpose | None:
        return next((each for each in self.purposes if each.id == purpose), None)

    def purpose_texts(self) -> dict[str, Texts]:
        """By id, and by the Swedish words, which somebody may have written in its place."""
        return {key: each.text for each in self.purposes for key in (each.text["sv"], each.id)}


@dataclass(frozen=True, config=_STRICT)
class Site:
    id: Id
    name: Line
    town: Line
    municipality: Line
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    parent: Id | None = None
    """The site that a branch belongs to."""


@dataclass(frozen=True, config=_STRICT)
class RouteStation:
    agency: Id
    purpose: Id
    minutes: Annotated[int, Field(ge=1, le=480)]


@dataclass(frozen=True, config=_STRICT)
class Route:
    id: Id
    name: Texts
    description: Texts
    calls: Id
    """The agency that calls the newcomer."""
    stations: Annotated[tuple[RouteStation, ...], Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Language:
    code: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")]
    name: Texts
    native: Line
    direction: Literal["ltr", "rtl"]


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Everything by id, in the order of the files. The mappings are taken as they are, without a copy."""

    agencies: Mapping[str, Agency]
    sites: Mapping[str, Site]
    routes: Mapping[str, Route]
    languages: Mapping[str, Language]

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        """`{agencies, sites, routes, languages}`, each a list of plain objects."""
        return {
            name: [dataclasses.asdict(entry) for entry in getattr(self, name).values()]
            for name in ("agencies", "sites", "routes", "languages")
        }


PARTS: Mapping[str, tuple[type[Any], str]] = {
    "agencies": (Agency, "id"),
    "sites": (Site, "id"),
    "routes": (Route, "id"),
    "languages": (Language, "code"),
}
"""File of a folder → shape of its entries, and what names them."""


def localized(texts: Mapping[str, str], language: str) -> str:
    """The text in that language, else in Swedish."""
    return texts.get(language) or texts["sv"]


def load_catalogue(folder: Path = DEFAULTS) -> Catalogue:
    """Read and check the four files of a folder. Raises CatalogueError."""
    catalogue = Catalogue(**{part: read_part(folder, part) for part in PARTS})
    check_catalogue(catalogue, folder)
    return catalogue


def read_part(folder: Path, part: str) -> Mapping[str, Any]:
    """The entries of one file by id, each checked by itself. Raises CatalogueError."""
    shape, key = PARTS[part]
    path = folder / f"{part}.toml"
    entries: Mapping[str, Any] = _by(_read(folder, part, shape), key, path)
    for entry in entries.values():
        if isinstance(entry, Agency):
            _by(entry.purposes, "id", path)
    return entries


def check_catalogue(catalogue: Catalogue, folder: Path = Path()) -> None:
    """Do the parts fit together? Raises CatalogueError."""
    _check_sites(catalogue.sites, folder / "sites.toml")
    _check_routes(catalogue.routes, catalogue.agencies, folder / "routes.toml")


def _read(folder: Path, name: str, shape: type[T]) -> tuple[T, ...]:
    path = folder / f"{name}.toml"
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CatalogueError(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(f"{path} cannot be read: {error}") from error
    if set(found) != {name}:
        raise CatalogueError(f"{path}: must hold [[{name}]] and nothing else")
    try:
        return TypeAdapter(tuple[shape, ...]).validate_python(found[name])  # type: ignore[valid-type]
    except ValidationError as error:
        raise CatalogueError(f"{path}: {_explain(error, found[name])}") from error


def _explain(error: ValidationError, entries: object) -> str:
    """The first mistake, with the id of the entry that holds it."""
    first = error.errors(include_url=False, include_context=False)[0]
    reason = "unknown key" if first["type"] == "unexpected_keyword_argument" else first["msg"]
    where = [str(part) for part in first["loc"]]
    if where and isinstance(entries, list) and isinstance(entry := entries[int(where[0])], dict):
        where[0] = str(entry.get("id") or entry.get("code") or f"entry {int(where[0]) + 1}")
    return f"{'.'.join(where)}: {reason.removeprefix('Value error, ')}"


def _by(entries: Iterable[T], key: str, path: Path) -> Mapping[str, T]:
    found: dict[str, T] = {}
    for entry in entries:
        if (name := getattr(entry, key)) in found:
            raise CatalogueError(f"{path}: {name} stands there twice")
        found[name] = entry
    return MappingProxyType(found)


def _check_sites(sites: Mapping[str, Site], path: Path) -> None:
    for site in sites.values():
        if site.parent is None:
            continue
        if site.parent not in sites:
            raise CatalogueError(f"{path}: {site.id}: there is no site {site.parent}")
        if sites[site.parent].parent is not None:
            raise CatalogueError(f"{path}: {site.id}: a branch cannot be the parent of a branch")


def _check_routes(routes: Mapping[str, Route], agencies: Mapping[str, Agency], path: Path) -> None:
    for route in routes.values():
        for agency in (route.calls, *(station.agency for station in route.stations)):
            if agency not in agencies:
                raise CatalogueError(f"{path}: {route.id}: there is no agency {agency}")
        for station in route.stations:
            if agencies[station.agency].purpose(station.purpose) is None:
                raise CatalogueError(f"{path}: {route.id}: {station.agency} has no purpose {station.purpose}")
