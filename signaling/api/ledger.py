"""The interpreting that agencies pay for, by the days at their offices."""

from collections.abc import Iterable

from rooms.instants import instant
from rooms.ledger import Row
from signaling.accounting import Accounting
from signaling.api import models
from signaling.api.agencies import agency_of
from signaling.api.route import Call, Reply


async def of_agency(call: Call) -> Reply:
    found = await _accounting(call).of_agency(agency_of(call))
    return _reply(call, found)


async def index(call: Call) -> Reply:
    """All agencies: an admin has no sites and reads those of everybody."""
    found = await _accounting(call).everything()
    sites = call.caller.sites
    return _reply(call, [row for row in found if call.caller.role == "admin" or row.site in sites])


def _accounting(call: Call) -> Accounting:
    services = call.services
    return Accounting(services.hub.books, services.settings.ledger, services.catalogue)


def _reply(call: Call, found: Iterable[Row]) -> Reply:
    wanted = call.asked(models.LedgerFilter)
    if wanted.first is not None:
        found = [row for row in found if row.day >= wanted.first]
    if wanted.last is not None:
        found = [row for row in found if row.day <= wanted.last]
    rule = call.services.settings.ledger
    rows = [_row(call, each) for each in found]
    return Reply(models.Ledger(unit=rule.unit, rounding=rule.rounding, rows=rows))


def _row(call: Call, row: Row) -> models.LedgerRow:
    names = call.services.names
    return models.LedgerRow(
        agency=row.agency,
        agency_name=names.agencies.get(row.agency, {}).get("sv", row.agency),
        meeting=row.meeting,
        site=row.site,
        site_name=names.sites.get(row.site, row.site),
        station=row.station,
        interpreter=row.interpreter,
        name=row.name,
        kind=row.kind,
        languages=list(row.languages),
        day=row.day,
        begins=instant(row.begins),
        ends=instant(row.ends),
        seconds=row.seconds,
        charged=row.charged,
    )
