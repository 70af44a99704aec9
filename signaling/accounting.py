"""The rows of the ledger, rounded as set, with the days of each office."""

from zoneinfo import ZoneInfo

from config.catalogue import Catalogue
from config.settings import Ledger
from rooms.ledger import Rounding, Row, rows
from signaling.bookkeeping import Bookkeeper

ZONE = ZoneInfo("Europe/Stockholm")
"""Of an office that is no longer known."""


class Accounting:
    """Every call may raise `ServiceUnavailable`."""

    def __init__(self, books: Bookkeeper, rule: Ledger, catalogue: Catalogue) -> None:
        self._books = books
        self._rounding = Rounding(rule.unit, rule.rounding)
        self._zones = {id_: ZoneInfo(site.time_zone) for id_, site in catalogue.sites.items()}

    async def of_agency(self, agency: str) -> tuple[Row, ...]:
        return rows(await self._books.of_agency(agency), self._rounding, self._zones, ZONE)

    async def everything(self) -> tuple[Row, ...]:
        """Of all agencies, by beginning."""
        found = [row for agency in await self._books.agencies() for row in await self.of_agency(agency)]
        return tuple(sorted(found, key=lambda row: (row.begins, row.agency, row.station)))
