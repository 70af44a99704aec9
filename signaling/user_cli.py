"""`motesrum user …`: local accounts of staff, for sites without a sign-in of their own."""

import secrets
import sys
import time
from typing import Annotated

import typer

from config.catalogue import load_catalogue
from config.settings import Settings
from signaling.accounts import SUBJECT, Accounts, provisioning_uri
from signaling.directory import Directory
from signaling.flags import Config, Data, offline, run, settings_of
from signaling.keys import KeyFolder
from signaling.staff import ROLES, Person

user = typer.Typer(help="Local accounts of staff.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="the name to sign in with")]


@user.command("add")
def add(
    login: Login,
    role: Annotated[str, typer.Option("--role", help=", ".join(ROLES))] = "host",
    name: Annotated[str, typer.Option("--name", help="shown to the others")] = "",
    site: Annotated[list[str] | None, typer.Option("--site", help="id of a site; may be given again")] = None,
    agency: Annotated[str | None, typer.Option("--agency", help="id of an agency")] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Add an account. The password is read from the standard input, or made when that is empty or a terminal.

    Prints the password that was made, and an address for the person's authenticator; neither is shown again.
    """
    settings = settings_of(config, data=data)
    given = "" if sys.stdin.isatty() else sys.stdin.read().strip()
    password = given or secrets.token_urlsafe(15)
    person = Person(SUBJECT + login, name or login, role, tuple(site or ()), agency)
    secret: str = run(_add(settings, login, person, password))
    if not given:
        print(f"password: {password}")
    print(provisioning_uri(login, secret))


async def _add(settings: Settings, login: str, person: Person, password: str) -> str:
    from signaling.cli import demand_fitting

    async with offline(settings) as store:
        directory = Directory(store.records, load_catalogue())
        await directory.refresh()
        demand_fitting(person, directory.catalogue)
        sealing = KeyFolder(settings.keys).sealing_key()
        return await Accounts(store.records, sealing, time.time).add(login, person, password)


@user.command("remove")
def remove(login: Login, config: Config = None, data: Data = None) -> None:
    """Take an account away; sessions that it has begun end with it."""
    settings = settings_of(config, data=data)

    async def work() -> None:
        from signaling.app import make_staff, make_tokens

        keys = KeyFolder(settings.keys)
        async with offline(settings) as store:
            await Accounts(store.records, keys.sealing_key(), time.time).remove(login)
            desk = make_staff(settings, store, make_tokens(settings, keys))
            await desk.end_sessions(SUBJECT + login)

    run(work())
