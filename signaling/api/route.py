"""One call of the REST API: the table of these is what is served, and what the OpenAPI document says."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from signaling.cookies import Cookie
from signaling.services import Services
from signaling.tokens import StaffClaims

M = TypeVar("M", bound=BaseModel)

PREFIX = "/api/v1"


class Access(Enum):
    """Who may call. LEADERS: those who lead meetings; an admin does not see them. AGENCIES: an agency's
    administrator, for their own agency, and admins. OFFICERS: an agency's administrator alone, for what is of
    its officers in meetings. ADMINS: those who keep the service, and see no meeting. ACCOUNTS: those who read
    what agencies pay. INTERPRETERS: those of the pool. POOL_KEEPERS: those who let them in to it. SIGNED_IN:
    everybody."""

    OPEN = "open"
    STAFF = "staff"
    LEADERS = "leaders"
    AGENCIES = "agencies"
    OFFICERS = "officers"
    ADMINS = "admins"
    ACCOUNTS = "accounts"
    INTERPRETERS = "interpreters"
    SIGNED_IN = "signed_in"
    POOL_KEEPERS = "pool_keepers"


ROLES: Mapping[Access, frozenset[str]] = {
    Access.OPEN: frozenset(),
    Access.STAFF: frozenset({"host", "admin", "agency_admin"}),
    Access.LEADERS: frozenset({"host"}),
    Access.AGENCIES: frozenset({"admin", "agency_admin"}),
    Access.OFFICERS: frozenset({"agency_admin"}),
    Access.ADMINS: frozenset({"admin"}),
    Access.ACCOUNTS: frozenset({"host", "admin"}),
    Access.INTERPRETERS: frozenset({"interpreter"}),
    Access.POOL_KEEPERS: frozenset({"host", "admin"}),
    Access.SIGNED_IN: frozenset({"host", "admin", "agency_admin", "interpreter"}),
}
"""Roles of staff; whoever is not named is refused."""


@dataclass(slots=True)
class Call:
    """`seed`: hex, the same for every attempt that carries the same Idempotency-Key; None without one."""

    request: web.Request
    services: Services
    path: Mapping[str, str]
    staff: StaffClaims | None = None
    body: BaseModel | None = None
    query: BaseModel | None = None
    seed: str | None = None

    def sent(self, model: type[M]) -> M:
        assert isinstance(self.body, model)
        return self.body

    def asked(self, model: type[M]) -> M:
        assert isinstance(self.query, model)
        return self.query

    @property
    def caller(self) -> StaffClaims:
        assert self.staff is not None
        return self.staff


@dataclass(frozen=True, slots=True)
class Reply:
    """Without a model there is no body."""

    model: BaseModel | None = None
    status: int = 200
    cookies: tuple[Cookie, ...] = ()


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """`path` is below the prefix; `{station}` is a number. `statuses`: what it may answer besides what
    follows from the rest (access, body, meeting). `oauth`: errors as in RFC 6749. `restricts`: it only takes
    away, and must work although the store is down."""

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    reply: type[BaseModel] | None
    status: int = 200
    access: Access = Access.LEADERS
    body: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    statuses: tuple[int, ...] = ()
    oauth: bool = False
    restricts: bool = False
    prefix: str = PREFIX

    @property
    def url(self) -> str:
        return self.prefix + self.path

    @property
    def pattern(self) -> str:
        """As aiohttp wants it."""
        return self.url.replace("{station}", r"{station:\d{1,9}}")

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def changes(self) -> bool:
        return self.method != "GET"

    @property
    def takes_key(self) -> bool:
        """Does it take an Idempotency-Key?"""
        return self.changes and self.access is not Access.OPEN
