"""The catalogue in force: what is shipped, and over it what the store has. Other processes may change it.

Mappings handed out are kept current in place, so that nobody holds an old one.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError

from config.catalogue import Agency, Catalogue, Language, Route, Site, check_catalogue
from rooms.store.base import Records, StoreUnavailable
from rooms.views import Names

log = structlog.get_logger(__name__)

KIND = "catalogue"
REFRESH = 0.5
"""Seconds until a running service sees what a command has changed."""

_SHAPES: Mapping[str, TypeAdapter[Any]] = {
    "agencies": TypeAdapter(Agency),
    "sites": TypeAdapter(Site),
    "routes": TypeAdapter(Route),
    "languages": TypeAdapter(Language),
}


class Directory:
    def __init__(self, records: Records, shipped: Catalogue) -> None:
        self._records = records
        self._shipped = shipped
        self._parts: dict[str, dict[str, Any]] = {part: dict(getattr(shipped, part)) for part in _SHAPES}
        self._site_names: dict[str, str] = {}
        self._zones: dict[str, str] = {}
        self._agency_names: dict[str, Mapping[str, str]] = {}
        self._purposes: dict[str, Mapping[str, Mapping[str, str]]] = {}
        self._seen: dict[str, int] = {}
        self.catalogue = Catalogue(**{part: MappingProxyType(each) for part, each in self._parts.items()})
        self.names = Names(self._site_names, self._agency_names, self._purposes, self._zones)
        self._name()

    async def refresh(self) -> None:
        """Raises StoreUnavailable. An entry that this program cannot read is passed over, and logged."""
        for key, record in await self._records.scan(KIND):
            if self._seen.get(key) == record.version:
                continue
            self._seen[key] = record.version
            part, _, name = key.partition("/")
            try:
                self._parts[part][name] = _SHAPES[part].validate_python(dict(record.value))
            except (KeyError, ValidationError):
                log.warning("an entry of the catalogue cannot be read", key=key)
        self._name()

    async def keep_current(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(REFRESH)
            try:
                await self.refresh()
            except StoreUnavailable as error:
                log.warning("the catalogue is not refreshed", error=str(error))

    async def put(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        """Adds or replaces entries by part and id. Raises CatalogueError when the whole would not fit
        together, StoreUnavailable."""
        await self.refresh()
        check_catalogue(
            Catalogue(**{part: {**self._parts[part], **entries.get(part, {})} for part in _SHAPES})
        )
        for part, new in entries.items():
            for name, entry in new.items():
                await self._replace(f"{part}/{name}", _SHAPES[part].dump_python(entry, mode="json"))
        await self.refresh()

    async def _replace(self, key: str, value: Mapping[str, Any]) -> None:
        while not await self._records.put_if_absent(KIND, key, value):
            known = await self._records.get(KIND, key)
            if known is not None and await self._records.compare_and_set(KIND, key, known.version, value):
                return

    def _name(self) -> None:
        agencies = self._parts["agencies"].values()
        sites = self._parts["sites"].values()
        self._site_names.update({site.id: site.name for site in sites})
        self._zones.update({site.id: site.time_zone for site in sites})
        self._agency_names.update({agency.id: agency.name for agency in agencies})
        self._purposes.update({agency.id: agency.purpose_texts() for agency in agencies})
