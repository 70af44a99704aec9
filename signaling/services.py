"""What the handlers of every door reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from config.catalogue import Catalogue
from config.settings import Settings
from rooms.store.base import Store
from rooms.views import Names
from signaling.accounts import Accounts
from signaling.agency_grants import AgencyGrants
from signaling.agency_keys import AgencyKeys
from signaling.assertions import Assertions
from signaling.connection_test import ConnectionTest
from signaling.directory import Directory
from signaling.idempotency import Idempotency
from signaling.invitations import Invitations
from signaling.let_in import Entrances
from signaling.limits import Limiter
from signaling.lockout import Lockout
from signaling.nodes import Nodes
from signaling.oidc import OidcSignIn
from signaling.pool import Pool
from signaling.screens import Screens
from signaling.staff import Staff
from signaling.tokens import Tokens
from signaling.turn import Turn

if TYPE_CHECKING:
    from signaling.hub import Hub
    from signaling.key_holders import KeyHolders


@dataclass(frozen=True, slots=True)
class Lockouts:
    """For wrong codes and assertions, by address; for wrong codes of screens, by member of staff."""

    codes: Lockout
    assertions: Lockout
    pairing: Lockout


@dataclass(slots=True)
class Services:
    settings: Settings
    directory: Directory
    catalogue: Catalogue
    names: Names
    store: Store
    hub: Hub
    nodes: Nodes
    tokens: Tokens
    invitations: Invitations
    entrances: Entrances
    agency_keys: AgencyKeys
    assertions: Assertions
    agency_grants: AgencyGrants
    key_holders: KeyHolders
    accounts: Accounts
    oidc: OidcSignIn | None
    staff: Staff
    screens: Screens
    pool: Pool
    idempotency: Idempotency
    limiter: Limiter
    lockouts: Lockouts
    turn: Turn
    connection_test: ConnectionTest
    clock: Callable[[], float]


SERVICES: web.AppKey[Services] = web.AppKey("services")
