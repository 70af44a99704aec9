"""The settings of one service: a TOML file, then `MOTESRUM_…` variables, then flags; the later wins."""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import ifaddr
from pydantic import (
    AfterValidator,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from config.cluster import Cluster
from config.kinds import Frozen, Seconds, SecondsOrZero, SecretFile
from config.media import Listen, MediaSettings
from config.network import Network, TurnUrl
from config.redis import Redis

PREFIX = "MOTESRUM_"
CONFIG_VARIABLE = PREFIX + "CONFIG"

MOST_WORKERS = 64
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class SettingsError(Exception):
    """The settings cannot be used; the message is one line that says which one and why."""


def _address(value: str) -> str:
    address = ipaddress.ip_address(value)
    if address.is_unspecified:
        raise ValueError(f"must be an address that clients can reach, not {value}")
    return str(address)


def _origin(value: str) -> str:
    """`https://host[:port]` without a path; a browser's Origin header looks like this."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("must be an address such as https://meetings.example.se")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must not have anything behind the host and port")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])}"


Port = Annotated[int, Field(ge=0, le=65535)]
Address = Annotated[str, AfterValidator(_address)]
Origin = Annotated[str, AfterValidator(_origin)]


class MediaListen(Frozen):
    """An address that the media worker binds, and the one that it announces where they differ (NAT)."""

    ip: Address
    announced: Address | None = None


class Limits(Frozen):
    """What one client may ask of the service."""

    message_bytes: PositiveInt = 64 * 1024
    body_bytes: PositiveInt = 256 * 1024
    calls_per_second: PositiveFloat = 20.0
    calls_burst: PositiveInt = 100
    """Calls of one WebSocket: this many at once, then `calls_per_second`."""
    outgoing_messages: PositiveInt = 512
    outgoing_bytes: PositiveInt = 256 * 1024
    """What may wait for a slow reader before its connection is closed (it can resume)."""
    join_timeout: Seconds = 10.0
    """A WebSocket that has neither joined nor resumed by then is closed."""
    redemptions_per_minute: PositiveInt = 600
    """Attempts at `POST /token` from one address."""
    assertions_per_minute: PositiveInt = 120
    """Officers that one agency may let in, in the long run."""
    connections_per_address: PositiveInt = 200


class OidcGroup(Frozen):
    """What the people of a group may do here."""

    role: Literal["host", "admin", "agency_admin", "interpreter"]
    sites: tuple[str, ...] = ()
    agency: str | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.role != "interpreter" and (self.role == "host") != bool(self.sites):
            raise ValueError("sites belong to the role host, which needs some, and to interpreters")
        if (self.role == "agency_admin") != (self.agency is not None):
            raise ValueError("agency belongs to the role agency_admin, which needs one")
        return self


class Oidc(Frozen):
    """An OpenID Connect provider with which staff sign in. `groups`: group → what its people may do here; the
    first that fits holds."""

    issuer: Annotated[str, Field(pattern=r"^https?://")]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: str | None = None
    name: Annotated[str, Field(min_length=1)] = "OpenID"
    scope: str = "openid profile"
    groups_claim: str = "groups"
    groups: dict[str, OidcGroup] = Field(min_length=1)


class Ledger(Frozen):
    """How interpreting is charged: an interpreter's time at a station in whole units, `up` or to the
    `nearest`."""

    unit: Seconds = 60.0
    rounding: Literal["up", "nearest"] = "up"


def _default_url(values: Mapping[str, Any]) -> str:
    scheme = "https" if values.get("tls_cert") else "http"
    return f"{scheme}://localhost:{values.get('http_port', 0)}"


class Settings(Frozen):
    """Everything that can be set. Durations are seconds; 0 as a port means any free one."""

    http_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    http_port: Port = 8080
    tls_cert: Path | None = None
    tls_key: Path | None = None
    public_url: Origin = Field(default_factory=_default_url)
    """The address that people and agencies use: in links, as the tokens' audience, as allowed Origin."""
    allowed_origins: tuple[Origin, ...] = ()
    """Further origins whose pages may use the API with a cookie."""
    trusted_proxies: tuple[Network, ...] = ()
    """Proxies that are believed about whom they speak for (X-Forwarded-For)."""

    media_port: Port = 20080
    media_listen: tuple[MediaListen, ...] = Field(default=(MediaListen(ip="127.0.0.1"),), min_length=1)
    media_workers: Annotated[int, Field(ge=0, le=MOST_WORKERS)] = 1
    """Processes that move sound and picture; 0 for one on each core. Each further one has the next port,
    which a firewall must let through too: so more than one is the operator's to ask for."""
    media_batched: bool = True
    """Many packets share a system call where this machine can do that."""
    media_compiled: bool = True
    """Workers take what was compiled where there is such."""
    server_mix: bool = False
    """Devices that say that they cannot mix get one sound, made by a process of its own."""
    worker_ack_timeout: Seconds = 2.0
    """A worker that has not acknowledged a restriction by then is killed, which forbids everything."""
    worker_silence: Seconds = 2.0
    """One that answers nothing for so long is taken for stalled, and killed."""
    orphan_forbid: Seconds = 30.0
    orphan_end: Seconds = 300.0
    """A worker without control forbids everything after the first, and ends after the second."""

    turn_urls: tuple[TurnUrl, ...] = ()
    """Relays for those whose firewall lets nothing else through."""
    turn_secret_file: SecretFile | None = None
    """What the relays (coturn: `use-auth-secret`) and we know, and nobody else."""
    turn_lifetime: Annotated[Seconds, Field(ge=60, le=86400)] = 600.0

    data: Path = Path("data")
    store: Literal["sqlite", "redis"] = "sqlite"
    redis: Redis | None = None
    cluster: Cluster = Cluster()
    keys_folder: Path | None = None
    """The service's own keys, the same on every node; `keys` in the data folder."""
    retention_days: PositiveInt = 30
    """The newcomer's content is erased this many days after the meeting."""

    session_grace: SecondsOrZero = 20.0
    """How long somebody whose connection broke still counts as present."""
    link_lifetime: Seconds = 7 * 86400.0
    access_lifetime: Annotated[Seconds, Field(le=600)] = 600.0
    staff_lifetime: Seconds = 12 * 3600.0
    oidc: Oidc | None = None
    limits: Limits = Limits()

    ledger: Ledger = Ledger()

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: set both or neither")
        if self.store == "redis" and self.redis is None:
            raise ValueError("store is redis: say where it is with redis.url")
        if bool(self.turn_urls) != (self.turn_secret_file is not None):
            raise ValueError("turn_urls and turn_secret_file belong together: set both or neither")
        for name in ("tls_cert", "tls_key"):
            path: Path | None = getattr(self, name)
            if path is not None and not path.is_file():
                raise ValueError(f"{name}: there is no file {path}")
        if self.orphan_end < self.orphan_forbid:
            raise ValueError("orphan_end must not be shorter than orphan_forbid")
        return self

    @property
    def origins(self) -> frozenset[str]:
        """Origins whose pages may use cookies: our own and `allowed_origins`."""
        return frozenset({self.public_url, *self.allowed_origins})

    def allows_origin(self, origin: str) -> bool:
        """Whether a browser's Origin header names one of `origins`."""
        return origin in self.origins

    @property
    def workers(self) -> int:
        return self.media_workers or min(os.cpu_count() or 1, MOST_WORKERS)

    @property
    def media_ports(self) -> tuple[int, ...]:
        """Of all workers; 0 for any free one."""
        return tuple(self.media_port + place if self.media_port else 0 for place in range(self.workers))

    @property
    def media(self) -> MediaSettings:
        """What a media worker is told."""
        listen = tuple(Listen(each.ip, each.announced) for each in self.media_listen)
        return MediaSettings(
            listen,
            self.media_port,
            self.orphan_forbid,
            self.orphan_end,
            self.media_batched,
            self.media_compiled,
        )

    @property
    def keys(self) -> Path:
        """The folder of the service's own keys."""
        return self.keys_folder or self.data / "keys"

    @property
    def secure(self) -> bool:
        """Whether people reach the service over HTTPS, so that cookies can be `Secure`."""
        return self.public_url.startswith("https://")


class _Environment(Settings, BaseSettings):
    """The same fields, read from variables: `MOTESRUM_LIMITS__MESSAGE_BYTES`; lists and tables as JSON."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """The settings in force. A flag that is None was not given. Raises SettingsError."""
    path = config or (Path(named) if (named := os.environ.get(CONFIG_VARIABLE)) else None)
    given = {name: value for name, value in flags.items() if value is not None}
    file = {} if path is None else _from_file(path)
    environment = _from_environment()
    try:
        return Settings.model_validate(_merge(_merge(file, environment), given))
    except ValidationError as error:
        raise SettingsError(_explain(error, path, environment, given)) from error


def local_addresses() -> list[str]:
    """The IPv4 addresses of this machine, loopback first."""
    addresses = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    found = {ip for ip in addresses if isinstance(ip, str)}
    return sorted(found | {"127.0.0.1"}, key=lambda ip: (not ip.startswith("127."), ipaddress.ip_address(ip)))


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"there is no settings file {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error


def _from_environment() -> dict[str, Any]:
    for variable in os.environ:
        name = variable.upper().removeprefix(PREFIX)
        if variable.upper().startswith(PREFIX) and variable.upper() != CONFIG_VARIABLE:
            field = name.partition("__")[0].lower()
            if field not in Settings.model_fields:
                raise SettingsError(f"{variable} is not a setting")
    try:
        return EnvSettingsSource(_Environment)()
    except SourceError as error:
        found = re.search(r'field "(\w+)"', str(error))
        raise SettingsError(f"{PREFIX}{found[1].upper() if found else '…'}: must be JSON") from error


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _explain(
    error: ValidationError, path: Path | None, environment: Mapping[str, Any], flags: Mapping[str, Any]
) -> str:
    """The first mistake, named as the person who made it wrote it."""
    first = error.errors(include_url=False, include_context=False)[0]
    reason = "unknown setting" if first["type"] == "extra_forbidden" else first["msg"]
    reason = reason.removeprefix("Value error, ")
    names = [str(part) for part in first["loc"]]
    if not names:
        return reason
    if names[0] in flags:
        where = "--" + names[0].replace("_", "-")
    elif names[0] in environment:
        nested = isinstance(environment[names[0]], dict)
        where = PREFIX + "__".join(names if nested else names[:1]).upper()
    else:
        where = f"{path}: {'.'.join(names)}"
    return f"{where}: {reason}"
