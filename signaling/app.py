"""The composition root: settings in, a web application out."""

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from aiohttp import hdrs, web

import web as web_pages
from config.catalogue import Catalogue, load_catalogue
from config.settings import Settings
from rooms.cluster import Node
from rooms.store.base import Store
from rooms.store.redis import RedisStore
from signaling import forwarded, heads, problems, sign_in, socket
from signaling.accounts import Accounts
from signaling.agency_grants import AgencyGrants
from signaling.agency_keys import AgencyKeys
from signaling.api.dispatch import endpoint
from signaling.api.table import ROUTES
from signaling.assertions import Assertions
from signaling.cluster import Cluster
from signaling.connection_test import ConnectionTest
from signaling.directory import Directory
from signaling.hub import Hub
from signaling.idempotency import Idempotency
from signaling.invitations import Invitations
from signaling.key_holders import KeyHolders
from signaling.keys import KeyFolder
from signaling.let_in import Entrances
from signaling.limits import Limiter
from signaling.lockout import Lockout
from signaling.nodes import Nodes
from signaling.oidc import OidcSignIn
from signaling.pages import add_pages, security_headers
from signaling.pool import Pool
from signaling.screens import Screens
from signaling.seals import Seals, node_key
from signaling.services import SERVICES, Lockouts, Services
from signaling.staff import Staff
from signaling.stores import open_store
from signaling.tokens import Tokens
from signaling.turn import Turn
from signaling.workers import Workers

log = structlog.get_logger(__name__)

NODE_FILE = "node"
WORKER_SOCKET = "worker.sock"
WRONG_CODES, WRONG_PAIRINGS = 30, 10
"""Before whoever sent them has to wait: an address can be a whole office's."""
_FOLLOWING = web.AppKey("following", list[asyncio.Task[None]])


async def build_services(
    settings: Settings,
    *,
    catalogue: Catalogue | None = None,
    store: Store | None = None,
    workers: Workers | None = None,
    clock: Callable[[], float] = time.time,
) -> Services:
    """Everything but the door. Raises KeyFolderError, CatalogueError, StoreUnavailable."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    shipped = catalogue or load_catalogue()
    keys = KeyFolder(settings.keys)
    tokens = make_tokens(settings, keys, clock)
    sealing = keys.sealing_key()
    store = store or await open_store(settings, clock)
    directory = Directory(store.records, shipped)
    await directory.refresh()
    names = directory.names
    workers = workers or Workers(
        settings.media,
        settings.data / WORKER_SOCKET,
        settings.worker_ack_timeout,
        count=settings.workers,
        silence=settings.worker_silence,
    )
    nodes = Nodes(Seals(node_key(sealing)))
    hub = Hub(
        store=store,
        workers=workers,
        names=names,
        settings=settings,
        clock=clock,
        cluster=make_cluster(settings, store),
        nodes=nodes,
    )
    agency_keys = AgencyKeys(store.records, clock)
    agency_grants = AgencyGrants(
        meetings=hub, records=store.records, keys=agency_keys, tokens=tokens, names=names, clock=clock
    )
    invitations = Invitations(
        records=store.records,
        meetings=hub,
        tokens=tokens,
        names=names,
        public_url=settings.public_url,
        lifetime=settings.link_lifetime,
        clock=clock,
        by_agency=agency_grants.stands,
    )
    turn = Turn(settings, clock)
    pool = Pool(records=store.records, meetings=hub, tokens=tokens, clock=clock)
    hub.on_pool = pool.changed
    return Services(
        settings=settings,
        directory=directory,
        catalogue=directory.catalogue,
        names=names,
        store=store,
        hub=hub,
        nodes=nodes,
        tokens=tokens,
        invitations=invitations,
        entrances=Entrances(meetings=hub, invitations=invitations, records=store.records),
        screens=Screens(records=store.records, meetings=hub, invitations=invitations, clock=clock),
        pool=pool,
        agency_keys=agency_keys,
        assertions=Assertions(
            keys=agency_keys, records=store.records, audience=settings.public_url, clock=clock
        ),
        agency_grants=agency_grants,
        key_holders=KeyHolders(hub, agency_grants, agency_keys),
        accounts=Accounts(store.records, sealing, clock),
        oidc=make_oidc(settings, store, clock),
        staff=make_staff(settings, store, tokens, clock),
        idempotency=Idempotency(store.records, sealing, clock),
        limiter=Limiter(time.monotonic),
        lockouts=make_lockouts(store, clock),
        turn=turn,
        connection_test=ConnectionTest(workers, turn),
        clock=clock,
    )


def make_cluster(settings: Settings, store: Store) -> Cluster | None:
    """A store that only one process can open is of one node."""
    if not isinstance(store, RedisStore):
        return None
    mine = settings.cluster
    scheme, host = ("https" if settings.tls_cert else "http"), settings.http_host
    me = Node(
        mine.name or node_name(settings.data / NODE_FILE),
        mine.url or f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.http_port}",
        mine.sites,
    )
    return Cluster(store, me, lifetime=mine.lifetime, orphan_limit=mine.orphan_limit)


def node_name(path: Path) -> str:
    """Made at the first start, and kept: a node that is started again takes back what it had."""
    if not path.exists():
        path.write_text(secrets.token_hex(4) + "\n", "utf-8")
    return path.read_text("utf-8").strip()


def make_lockouts(store: Store, clock: Callable[[], float]) -> Lockouts:
    return Lockouts(
        codes=Lockout(store.records, clock, "wrong_codes", free=WRONG_CODES),
        assertions=Lockout(store.records, clock, "wrong_assertions", free=WRONG_CODES),
        pairing=Lockout(store.records, clock, "wrong_pairings", free=WRONG_PAIRINGS),
    )


def make_oidc(settings: Settings, store: Store, clock: Callable[[], float]) -> OidcSignIn | None:
    if settings.oidc is None:
        return None
    return OidcSignIn(settings.oidc, records=store.records, public_url=settings.public_url, clock=clock)


def make_tokens(settings: Settings, keys: KeyFolder, clock: Callable[[], float] = time.time) -> Tokens:
    return Tokens(
        keys.signing_keys(),
        audience=settings.public_url,
        clock=clock,
        access_lifetime=settings.access_lifetime,
        staff_lifetime=settings.staff_lifetime,
    )


def make_staff(
    settings: Settings, store: Store, tokens: Tokens, clock: Callable[[], float] = time.time
) -> Staff:
    return Staff(
        records=store.records,
        tokens=tokens,
        public_url=settings.public_url,
        lifetime=settings.staff_lifetime,
        clock=clock,
    )


def create_app(services: Services, dist: Path = web_pages.DIST) -> web.Application:
    """The whole door. The hub starts with the application and ends with it."""
    settings = services.settings
    app = web.Application(
        middlewares=[forwarded.middleware(settings.trusted_proxies), _as_problems, heads.bounded],
        client_max_size=settings.limits.body_bytes,
    )
    app[SERVICES] = services
    for route in ROUTES:
        if route.method == "GET":
            app.router.add_get(route.pattern, endpoint(route))
        else:
            app.router.add_route(route.method, route.pattern, endpoint(route))
    socket.setup(app)
    services.nodes.setup(app)
    sign_in.setup(app)
    add_pages(app, dist)
    headers = security_headers(settings)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            if name == hdrs.SERVER or name not in response.headers:
                response.headers[name] = value

    app.on_response_prepare.append(add_headers)
    app.on_startup.append(_start)
    app.on_shutdown.append(_stop)
    app.on_cleanup.append(_close)
    return app


async def _start(app: web.Application) -> None:
    await app[SERVICES].hub.start()
    services = app[SERVICES]
    follows = (services.directory.keep_current(), services.key_holders.follow())
    app[_FOLLOWING] = [asyncio.create_task(each) for each in follows]


async def _stop(app: web.Application) -> None:
    """While the connections are still there: everybody is told goodbye."""
    app[SERVICES].screens.close()
    await app[SERVICES].connection_test.close()
    await app[SERVICES].pool.close()
    await app[SERVICES].hub.close()


async def _close(app: web.Application) -> None:
    following = app.get(_FOLLOWING, [])
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    await app[SERVICES].store.close()


@web.middleware
async def _as_problems(request: web.Request, handler: Callable[..., object]) -> web.StreamResponse:
    """What no route answers: unknown addresses, wrong methods, and errors that nobody foresaw."""
    try:
        response = await handler(request)  # type: ignore[misc]
    except Exception as error:
        if isinstance(error, web.HTTPException) and error.status < 400:
            raise
        problem = problems.of(error)
        if problem is None:
            log.exception("request failed")
            problem = problems.unforeseen()
        return problem.response()
    assert isinstance(response, web.StreamResponse)
    return response
