"""The command `motesrum`. What is wrong with the settings or the machine is told in one line, exit code 2."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from config.catalogue import Catalogue, load_catalogue
from config.settings import Settings
from media.client import command as worker_command
from signaling import agency_cli, audit_cli, ledger_cli, staff, store_cli, user_cli
from signaling.flags import (
    AsJson,
    Config,
    Data,
    HttpHost,
    HttpPort,
    LogLevel,
    MediaPort,
    PublicUrl,
    TlsCert,
    TlsKey,
    fail,
    offline,
    run,
    settings_of,
    told,
)
from signaling.keys import KeyFolder
from signaling.logs import configure
from signaling.serving import remembered_url, serve

app = typer.Typer(
    name="motesrum",
    help="Video meeting rooms for public agencies.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(agency_cli.agency, name="agency")
app.add_typer(agency_cli.catalogue, name="config")
app.add_typer(audit_cli.audit, name="audit")
app.command("ledger")(ledger_cli.ledger)
app.add_typer(user_cli.user, name="user")
app.add_typer(store_cli.store, name="store")
app.command("backup")(store_cli.backup_command)
app.command("restore")(store_cli.restore_command)

_NAMES = {
    "host": "Personal på plats",
    "admin": "Admin",
    "agency_admin": "Myndighetens administratör",
    "interpreter": "Tolk",
}


@app.command("serve")
def serve_command(
    config: Config = None,
    http_port: HttpPort = None,
    http_host: HttpHost = None,
    media_port: MediaPort = None,
    data: Data = None,
    public_url: PublicUrl = None,
    log_level: LogLevel = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Run the service. SIGTERM leaves the media of meetings running, for the service that starts next;
    Ctrl-C ends everything."""
    settings = settings_of(
        config,
        http_port=http_port,
        http_host=http_host,
        media_port=media_port,
        data=data,
        public_url=public_url,
        log_level=log_level,
        tls_cert=tls_cert,
        tls_key=tls_key,
    )
    configure(settings.log_level)
    run(serve(settings, hands_over=True))


@app.command("demo")
def demo_command(
    config: Config = None,
    http_port: HttpPort = None,
    http_host: HttpHost = None,
    media_port: MediaPort = None,
    data: Data = None,
    public_url: PublicUrl = None,
    log_level: LogLevel = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    as_json: AsJson = False,
    bots: Annotated[bool, typer.Option(help="fill the roles that nobody has taken")] = True,
) -> None:
    """Run the service with a ready meeting, and print a link for each role."""
    from signaling.demo import demo, for_demo

    settings = settings_of(
        config,
        http_port=http_port,
        http_host=http_host,
        media_port=media_port,
        data=data,
        public_url=public_url,
        log_level=log_level,
        tls_cert=tls_cert,
        tls_key=tls_key,
    )
    configure(settings.log_level if "log_level" in settings.model_fields_set else "warning")
    run(serve(for_demo(settings), demo(as_json=as_json, bots=bots)))


@app.command("media")
def media_command(
    config: Config = None,
    media_port: MediaPort = None,
    data: Data = None,
    control: Annotated[Path | None, typer.Option("--socket", help="path of the control socket")] = None,
) -> None:
    """Run a media worker of its own."""
    from signaling.app import WORKER_SOCKET

    settings = settings_of(config, media_port=media_port, data=data)
    path = control or settings.data / WORKER_SOCKET
    with told():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    words = worker_command(settings.media, path)
    os.execv(words[0], words)


@app.command("token")
def token_command(
    site: Annotated[list[str] | None, typer.Option("--site", help="id of a site; may be given again")] = None,
    role: Annotated[str, typer.Option("--role", help="host, admin, agency_admin or interpreter")] = "host",
    name: Annotated[str, typer.Option("--name", help="shown to the others")] = "",
    subject: Annotated[str | None, typer.Option("--subject", help="the same person as before")] = None,
    agency: Annotated[str | None, typer.Option("--agency", help="id of an agency")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="a private key, a JWK in a file")] = None,
    meeting: Annotated[str | None, typer.Option("--meeting", help="with --key: id of a meeting")] = None,
    station: Annotated[int | None, typer.Option("--station", help="with --key: number of a station")] = None,
    officer: Annotated[str | None, typer.Option("--officer", help="with --key: id of a person")] = None,
    config: Config = None,
    data: Data = None,
    public_url: PublicUrl = None,
    as_json: AsJson = False,
) -> None:
    """Print a single-use link with which a member of staff signs in, also while the service runs.

    With --key: print an assertion of an agency, which is exchanged for an access token.
    """
    settings = _with_address(settings_of(config, data=data, public_url=public_url))
    if key is not None:
        if agency is None or meeting is None or station is None or officer is None:
            fail("--key: goes with --agency, --meeting, --station and --officer")
        print(
            agency_cli.assertion(
                settings,
                agency_id=agency,
                private=key,
                meeting=meeting,
                station=station,
                officer=officer,
                name=name,
            )
        )
        return
    if role not in staff.ROLES:
        fail(f"--role: must be one of {', '.join(staff.ROLES)}, not {role}")
    person = staff.Person(
        sub=subject or staff.new_subject(),
        name=name or _NAMES[role],
        role=role,
        sites=tuple(site or ()),
        agency=agency,
    )
    link = run(_staff_link(settings, person))
    if as_json:
        expires_at = datetime.fromtimestamp(link.expires_at, UTC).isoformat()
        print(json.dumps({"url": link.url, "code": link.code, "expires_at": expires_at}))
    else:
        print(link.url)


def _with_address(settings: Settings) -> Settings:
    """Where the service of this data folder is reached, unless the settings say so."""
    if settings.model_fields_set & {"public_url", "http_port"}:
        return settings
    return settings.model_copy(update={"public_url": remembered_url(settings.data) or settings.public_url})


async def _staff_link(settings: Settings, person: staff.Person) -> staff.StaffLink:
    from signaling.app import make_staff, make_tokens
    from signaling.directory import Directory

    async with offline(settings) as store:
        directory = Directory(store.records, load_catalogue())
        await directory.refresh()
        demand_fitting(person, directory.catalogue)
        desk = make_staff(settings, store, make_tokens(settings, KeyFolder(settings.keys)))
        return await desk.create_link(person)


def demand_fitting(person: staff.Person, catalogue: Catalogue) -> None:
    """A host has sites, an agency's administrator has an agency, and both exist."""
    unknown = next((each for each in person.sites if each not in catalogue.sites), None)
    if unknown is not None:
        fail(f"--site: there is no site {unknown}; there are {', '.join(catalogue.sites)}")
    if person.role not in staff.ROLES:
        fail(f"--role: must be one of {', '.join(staff.ROLES)}, not {person.role}")
    if person.role == "host" and not person.sites:
        fail(f"--site: say where the host works; there are {', '.join(catalogue.sites)}")
    if (person.role == "agency_admin") != (person.agency is not None):
        fail("--agency: goes with --role agency_admin or with --key")
    if person.agency is not None and person.agency not in catalogue.agencies:
        fail(f"--agency: there is no agency {person.agency}; there are {', '.join(catalogue.agencies)}")


@app.command("keys")
def keys_command(
    new: Annotated[bool, typer.Option("--new", help="make a new key; it signs after the next start")] = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Print the public keys of the service's own tokens, newest first, as a JWK set."""

    settings = settings_of(config, data=data)
    with told():
        folder = KeyFolder(settings.keys)
        if new:
            folder.rotate()
        print(json.dumps({"keys": [key.jwk() for key in folder.signing_keys()]}, indent=2))


@app.command("schema")
def schema_command(
    folder: Annotated[Path | None, typer.Argument(help="where to write; printed when omitted")] = None,
) -> None:
    """Write openapi.json and asyncapi.json."""
    from signaling import asyncapi, openapi, schema

    if folder is None:
        print(json.dumps({"openapi": openapi.document(), "asyncapi": asyncapi.document()}, indent=2))
        return
    with told():
        for path in schema.write(folder):
            print(path)


@app.command("doctor")
def doctor_command(
    config: Config = None,
    http_port: HttpPort = None,
    http_host: HttpHost = None,
    media_port: MediaPort = None,
    data: Data = None,
) -> None:
    """Check this machine: settings, data folder, ports, HTTPS, store, pages. Exit code 1 when something is
    wrong."""
    settings = settings_of(config, http_port=http_port, http_host=http_host, media_port=media_port, data=data)
    from signaling.doctor import checks

    good = [_checked(name, check) for name, check in checks(settings)]
    raise typer.Exit(0 if all(good) else 1)


def _checked(name: str, check: Callable[[], str | None]) -> bool:
    wrong = check()
    print(f"{'ok   ' if wrong is None else 'WRONG'}  {name}" + ("" if wrong is None else f": {wrong}"))
    return wrong is None


def main() -> None:
    app()


if __name__ == "__main__":
    main()
