"""`motesrum ledger`: the interpreting that agencies pay for, for the books of whoever invoices."""

import csv
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from config.catalogue import load_catalogue
from rooms.instants import instant
from rooms.ledger import Row
from signaling.accounting import Accounting
from signaling.bookkeeping import Bookkeeper
from signaling.directory import Directory
from signaling.flags import Config, Data, offline, run, settings_of


class Format(StrEnum):
    CSV = "csv"
    JSON = "json"


COLUMNS = (
    "day", "agency", "site", "meeting", "station", "interpreter", "name", "kind", "languages",
    "begins", "ends", "seconds", "charged",
)  # fmt: skip
_FORMULA = re.compile(r"""((?:^|[;,|\t"])\s*)(?=[=+\-@＝＋－＠\t\r])""")
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="a day at the offices, included")]


def ledger(
    agency: Annotated[str | None, typer.Option("--agency", help="id of an agency; all without it")] = None,
    first: Day = None,
    last: Day = None,
    form: Annotated[Format, typer.Option("--format")] = Format.CSV,
    config: Config = None,
    data: Data = None,
) -> None:
    """Print who interpreted at which station and for how many seconds, in meetings that are over."""
    settings = settings_of(config, data=data)

    async def work() -> Sequence[Row]:
        async with offline(settings) as store:
            directory = Directory(store.records, load_catalogue())
            await directory.refresh()
            books = Accounting(Bookkeeper(store), settings.ledger, directory.catalogue)
            return await (books.everything() if agency is None else books.of_agency(agency))

    rows: Sequence[Row] = run(work())
    chosen = [
        row
        for row in rows
        if (first is None or row.day >= first.date()) and (last is None or row.day <= last.date())
    ]
    if form is Format.JSON:
        for row in chosen:
            print(json.dumps(_plain(row), ensure_ascii=False))
    else:
        write_csv(chosen)


def write_csv(rows: Sequence[Row]) -> None:
    """RFC 4180; no cell begins like a formula."""
    out = csv.writer(sys.stdout, lineterminator="\r\n")
    out.writerow(COLUMNS)
    for row in rows:
        plain = _plain(row)
        plain["languages"] = " ".join(row.languages)
        out.writerow([_harmless(plain[name]) for name in COLUMNS])


def _plain(row: Row) -> dict[str, Any]:
    at = {"begins": instant(row.begins).isoformat(), "ends": instant(row.ends).isoformat()}
    return {**asdict(row), **at, "day": row.day.isoformat(), "kind": row.kind.value}


def _harmless(cell: Any) -> Any:
    """Also where a spreadsheet takes another character for the one between cells, as a Swedish one does."""
    return _FORMULA.sub(r"\1'", cell) if isinstance(cell, str) else cell
