"""`motesrum agency …` and `motesrum config …`; a running service sees within a second what they change."""

import base64
import json
import secrets
import time
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import jwt
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.catalogue import PARTS, Agency, CatalogueError, Purpose, load_catalogue, read_part
from config.settings import Settings
from signaling import strict_json
from signaling.agency_keys import AgencyKey, AgencyKeys
from signaling.assertions import MAX_AGE
from signaling.directory import Directory
from signaling.flags import Config, Data, fail, offline, run, settings_of, told
from signaling.jwk import UnusableKey, algorithm_of, thumbprint

T = TypeVar("T")

KEYS_FILE = "keys.toml"

agency = typer.Typer(help="Agencies and the keys they sign with.", no_args_is_help=True)
key = typer.Typer(help="The keys of an agency.", no_args_is_help=True)
catalogue = typer.Typer(help="Agencies, sites, routes and languages.", no_args_is_help=True)
agency.add_typer(key, name="key")

AgencyId = Annotated[str, typer.Argument(help="id of an agency")]
Kid = Annotated[str, typer.Argument(help="id of a key")]


@agency.command("add")
def add(
    agency_id: AgencyId,
    name: Annotated[str, typer.Option("--name", help="its Swedish name")],
    english: Annotated[str | None, typer.Option("--english", help="its English name")] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Add an agency, or give it another name."""
    settings = settings_of(config, data=data)

    async def work() -> None:
        async with offline(settings) as store:
            directory = Directory(store.records, load_catalogue())
            await directory.refresh()
            known = directory.catalogue.agencies.get(agency_id)
            purposes: tuple[Purpose, ...] = () if known is None else known.purposes
            names = {**({} if known is None else known.name), "sv": name}
            names["en"] = english or names.get("en", name)
            try:
                made = Agency(id=agency_id, name=names, purposes=purposes)
            except ValueError as error:
                raise CatalogueError("an id has small letters, digits and hyphens") from error
            await directory.put({"agencies": {agency_id: made}})

    run(work())


@key.command("add")
def add_key(
    agency_id: AgencyId, file: Annotated[Path, typer.Argument()], config: Config = None, data: Data = None
) -> None:
    """Register a public key, a JWK in a file. Prints its kid."""
    jwk = _jwk(file)
    print(_with_keys(config, data, agency_id, lambda keys: keys.add(agency_id, jwk)).kid)


@key.command("new")
def new_key(agency_id: AgencyId, config: Config = None, data: Data = None) -> None:
    """Make a key pair and register its public half. The private half is printed once and kept nowhere."""
    private = private_jwk()
    _with_keys(config, data, agency_id, lambda keys: keys.add(agency_id, public_of(private)))
    print(json.dumps(private))


@key.command("list")
def list_keys(agency_id: AgencyId, config: Config = None, data: Data = None) -> None:
    """Print the keys of an agency, one a line: kid, algorithm, and until when it signs."""
    found: list[AgencyKey] = _with_keys(config, data, agency_id, lambda keys: keys.of(agency_id))
    for each in found:
        until = "" if each.until is None else datetime.fromtimestamp(each.until, UTC).isoformat()
        print(f"{each.kid}  {each.algorithm}  {until}".rstrip())


@key.command("retire")
def retire_key(
    agency_id: AgencyId,
    kid: Kid,
    hours: Annotated[float, typer.Option("--hours", min=0, help="for how long it still signs")] = 24.0,
    config: Config = None,
    data: Data = None,
) -> None:
    """Let a key go on for some hours beside its successor, and then no more."""
    until = time.time() + 3600 * hours
    _with_keys(config, data, agency_id, lambda keys: keys.retire(agency_id, kid, until))


@key.command("remove")
def remove_key(agency_id: AgencyId, kid: Kid, config: Config = None, data: Data = None) -> None:
    """Take a key away at once, and show out whoever it has let in."""
    _with_keys(config, data, agency_id, lambda keys: keys.remove(agency_id, kid))


@catalogue.command("import")
def import_catalogue(
    folder: Annotated[Path, typer.Argument(help="with agencies.toml, sites.toml, …")],
    config: Config = None,
    data: Data = None,
) -> None:
    """Put what the files of a folder say into the store, where it wins over what is shipped. A file may be
    missing; `keys.toml` holds public keys as `[[keys]]` with `agency` and the members of a JWK."""
    settings = settings_of(config, data=data)

    async def work() -> None:
        parts = {part: read_part(folder, part) for part in PARTS if (folder / f"{part}.toml").exists()}
        if not parts and not (folder / KEYS_FILE).exists():
            raise CatalogueError(f"{folder} holds none of {', '.join(f'{part}.toml' for part in PARTS)}")
        async with offline(settings) as store:
            directory = Directory(store.records, load_catalogue())
            await directory.put(parts)
            registered = AgencyKeys(store.records, time.time)
            for agency_id, jwk in _listed_keys(folder / KEYS_FILE):
                if agency_id not in directory.catalogue.agencies:
                    raise CatalogueError(f"{folder / KEYS_FILE}: there is no agency {agency_id}")
                await registered.add(agency_id, jwk)

    run(work())


def assertion(
    settings: Settings, *, agency_id: str, private: Path, meeting: str, station: int, officer: str, name: str
) -> str:
    """What an agency's own system would sign (RFC 7523); raises OSError, typer.Exit."""
    jwk = _jwk(private)
    now = int(time.time())
    claims = {
        "iss": agency_id,
        "sub": officer,
        "aud": settings.public_url,
        "iat": now,
        "exp": now + int(MAX_AGE),
        "jti": secrets.token_urlsafe(16),
        "meeting": meeting,
        "station": station,
        **({"name": name} if name else {}),
    }
    try:
        algorithm = algorithm_of(jwk)
        kid = jwk.get("kid") or thumbprint(jwk)
        return jwt.encode(claims, jwt.PyJWK(jwk, algorithm).key, algorithm, {"kid": kid})
    except (UnusableKey, jwt.PyJWTError, TypeError, ValueError) as error:
        fail(f"{private}: no private key that an assertion can be signed with ({error})")


def private_jwk() -> dict[str, str]:
    """A new Ed25519 pair (RFC 8037), its kid the thumbprint."""
    made = Ed25519PrivateKey.generate()
    public, private = made.public_key().public_bytes_raw(), made.private_bytes_raw()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": _base64(public), "d": _base64(private)}
    return {**jwk, "alg": "EdDSA", "use": "sig", "kid": thumbprint(jwk)}


def public_of(jwk: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in jwk.items() if name != "d"}


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _jwk(file: Path) -> dict[str, Any]:
    with told():
        text = file.read_bytes()
    try:
        jwk = strict_json.loads(text)
    except ValueError:
        jwk = None
    if not isinstance(jwk, dict):
        fail(f"{file}: is no JWK (RFC 7517)")
    return jwk


def _listed_keys(file: Path) -> list[tuple[str, dict[str, Any]]]:
    if not file.exists():
        return []
    try:
        entries = tomllib.loads(file.read_text("utf-8"))["keys"]
        return [(str(entry.pop("agency")), entry) for entry in entries]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, AttributeError, TypeError) as error:
        raise CatalogueError(f"{file}: must hold [[keys]] with an agency each") from error


def _with_keys(
    config: Path | None, data: Path | None, agency_id: str, do: Callable[[AgencyKeys], Awaitable[T]]
) -> T:
    settings = settings_of(config, data=data)

    async def work() -> T:
        async with offline(settings) as store:
            directory = Directory(store.records, load_catalogue())
            await directory.refresh()
            if agency_id not in directory.catalogue.agencies:
                raise CatalogueError(f"there is no agency {agency_id}; add it with motesrum agency add")
            return await do(AgencyKeys(store.records, time.time))

    done: T = run(work())
    return done
