"""The WebSocket of one device: JSON-RPC 2.0, one reader and one writer, every limit stated.

Close codes: 1003 not text, 1008 a rule was broken, 1009 too large, 4000 the session is closed (its reason
came before as `session.closed`).
"""

import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass, replace
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from config.catalogue import Catalogue
from media.errors import WorkerError
from rooms.errors import Reason, Rejected
from rooms.policy import slots
from rooms.store.base import StoreUnavailable
from signaling import messages as msg
from signaling.errors import ServiceError
from signaling.handlers import CHANGES_MEDIA, HANDLERS, REPEATABLE, RESTRICTS
from signaling.hub import Hub
from signaling.idempotency import IdempotencyError
from signaling.idempotency import Result as Kept
from signaling.invitations import InvitationError, Invitations
from signaling.let_in import Entrances
from signaling.live import Live
from signaling.nodes import Elsewhere, Moving
from signaling.origin import from_our_page
from signaling.outbox import Outbox
from signaling.problems import RETRY_AFTER, Problem
from signaling.services import SERVICES, Services
from signaling.session import Returning, SecretLeftBehind, Session, frame
from signaling.strict_json import loads
from signaling.tokens import TokenError
from signaling.turn import Turn

log = structlog.get_logger(__name__)

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL, REFUSED = (
    -32700,
    -32600,
    -32601,
    -32602,
    -32603,
    -32000,
)
SESSION_CLOSED = 4000
MAX_FAULTS = 20
"""So many frames that are no calls at all, then the connection is closed."""
HEARTBEAT = 15.0
GOODBYE_LIMIT = 0.3
"""Seconds for the other side to answer our goodbye: a flood is read on for no longer."""
KERNEL_BUFFER = 128 << 10
"""Bytes; Linux takes twice as much."""
SEND_LIMIT = 10.0
"""A connection that takes no frame for so many seconds is cut."""
FIRST_CALLS = ("session.join", "session.resume")
BRINGS_CONSUMERS = CHANGES_MEDIA.union(FIRST_CALLS)

_CONNECTIONS = web.AppKey("connections", Counter[str])


class RpcError(Exception):
    """`data` carries our stable code, and what goes with it."""

    def __init__(self, number: int, message: str, code: str, **more: str | float | None) -> None:
        super().__init__(message)
        self.body = {"code": number, "message": message, "data": {"code": code, **more}}


@dataclass(slots=True)
class Joined:
    """What a handler works with. `seed`: hex, the same for every attempt at the same call, if it has a
    `request`."""

    hub: Hub
    live: Live
    session: Session
    invitations: Invitations
    entrances: Entrances
    catalogue: Catalogue
    turn: Turn
    seed: str | None = None

    @property
    def participant(self) -> str:
        return self.session.participant


def setup(app: web.Application) -> None:
    app[_CONNECTIONS] = Counter()
    app.router.add_get("/api/v1/socket", socket)


async def socket(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    if "Origin" in request.headers and not from_our_page(request):
        raise web.HTTPForbidden(text="pages of this origin may not connect")
    connections = request.app[_CONNECTIONS]
    address = request.remote or ""
    if connections[address] >= services.settings.limits.connections_per_address:
        after = {"Retry-After": RETRY_AFTER}
        raise Problem(429, "too_many_connections", "too many connections from this address", headers=after)
    connections[address] += 1
    try:
        return await Connection(request, services).run()
    finally:
        connections[address] -= 1
        if not connections[address]:
            del connections[address]


class Connection:
    def __init__(self, request: web.Request, services: Services) -> None:
        limits = services.settings.limits
        self._request = request
        self._services = services
        self._socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT,
            timeout=GOODBYE_LIMIT,
            max_msg_size=limits.message_bytes,
            compress=False,
            autoping=False,
        )
        self._outbox = Outbox(limits.outgoing_messages, limits.outgoing_bytes)
        self._calls = Allowance(limits.calls_per_second, limits.calls_burst)
        self._faults = 0
        self._device: Session | None = None
        self._joined: Joined | None = None

    async def run(self) -> web.WebSocketResponse:
        try:
            await self._socket.prepare(self._request)
        except ValueError as error:
            raise web.HTTPBadRequest(text="not a WebSocket handshake") from error
        except ConnectionError as error:
            raise web.HTTPBadRequest(text="hung up during the handshake") from error
        self._bound_kernel()
        writer = asyncio.create_task(self._write())
        try:
            await self._read()
        finally:
            if self._device is not None:
                self._device.closed = True
            if self._joined is not None:
                await self._joined.live.detach(self._joined.session)
            self._outbox.close()
            if self._socket.closed:
                self._outbox.discard()
            await writer
        return self._socket

    async def _write(self) -> None:
        while (told := await self._outbox.get()) is not None:
            try:
                await asyncio.wait_for(self._socket.send_frame(told, WSMsgType.TEXT), SEND_LIMIT)
            except TimeoutError:
                self._outbox.discard()
                self._cut()
            except (ConnectionError, RuntimeError):
                self._outbox.discard()
        if not self._socket.closed:
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self._socket.close(code=SESSION_CLOSED)

    def _bound_kernel(self) -> None:
        """What waits in the kernel for a slow reader is memory too, and it would grow to some MiB."""
        transport = self._request.transport
        opened = None if transport is None else transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(SOL_SOCKET, SO_SNDBUF, KERNEL_BUFFER)

    def _cut(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _read(self) -> None:
        limits = self._services.settings.limits
        joining = asyncio.get_running_loop().call_later(limits.join_timeout, self._expect_join)
        try:
            async for message in self._socket:
                if not self._calls.take():
                    await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too many calls")
                    return
                match message.type:
                    case WSMsgType.TEXT:
                        await self._frame(message.data)
                    case WSMsgType.PING:
                        await self._pong(message.data)
                    case WSMsgType.PONG:
                        pass
                    case _:
                        await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text only")
                        return
                if self._joined is not None:
                    joining.cancel()
                if self._faults > MAX_FAULTS:
                    await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"not JSON-RPC")
                    return
        finally:
            joining.cancel()

    async def _pong(self, data: bytes) -> None:
        """A ping counts as a call; one that does not take its answer is left to the heartbeat."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._socket.pong(data)

    def _expect_join(self) -> None:
        if self._joined is None:
            self._outbox.close(_closed("join_timeout", "nobody joined in time"))

    async def _frame(self, text: str) -> None:
        """One call: its answer, and only then what it brought about."""
        call: dict[str, Any] = {}
        if self._joined is not None:
            self._joined.session.hold()
        try:
            call = _parse(text)
            answer = {"jsonrpc": "2.0", "id": call.get("id"), "result": await self._call(call)}
        except RpcError as error:
            if error.body["code"] in (PARSE_ERROR, INVALID_REQUEST):
                self._faults += 1
            answer = {"jsonrpc": "2.0", "id": call.get("id"), "error": error.body}
        if answer["id"] is not None or "error" in answer:
            self._answer(answer)
        if self._joined is not None:
            self._joined.session.release()
            if call.get("method") in BRINGS_CONSUMERS and "result" in answer:
                with contextlib.suppress(ServiceError):
                    await self._joined.live.reconcile()

    def _answer(self, answer: dict[str, Any]) -> None:
        if self._outbox.put(json.dumps(answer, ensure_ascii=False).encode()):
            return
        if self._joined is not None:
            self._joined.session.close_slow()
        else:
            self._outbox.close(_closed("slow_reader", "the connection reads too slowly; resume the session"))

    async def _call(self, call: dict[str, Any]) -> dict[str, Any]:
        method = call["method"]
        if method not in msg.CALLS:
            raise RpcError(METHOD_NOT_FOUND, f"there is no method {method[:60]!r}", "method_unknown")
        if not isinstance(call.get("params", {}), dict | None):
            raise RpcError(INVALID_PARAMS, "params are an object", "invalid_params")
        try:
            params = msg.CALLS[method][0].model_validate(call.get("params") or {})
        except ValidationError as error:
            raise RpcError(INVALID_PARAMS, _first_fault(error), "invalid_params") from error
        try:
            return await self._dispatch(method, params)
        except Rejected as error:
            raise RpcError(REFUSED, error.message, error.reason.value) from error
        except Elsewhere as error:
            more = {"node": error.node, "spread": error.spread}
            raise RpcError(REFUSED, error.message, error.code, **more) from error
        except Moving as error:
            raise RpcError(REFUSED, error.message, error.code, spread=error.spread) from error
        except (ServiceError, TokenError, InvitationError) as error:
            raise RpcError(REFUSED, error.message, error.code) from error
        except WorkerError as error:
            raise RpcError(REFUSED, str(error), error.code) from error
        except StoreUnavailable as error:
            raise RpcError(REFUSED, "nothing can be saved now; try again", "store_unavailable") from error
        except Exception as error:
            log.exception("a call failed", method=method)
            raise RpcError(INTERNAL, "an error of ours; it has been noted", "internal") from error

    async def _dispatch(self, method: str, params: msg.Call) -> dict[str, Any]:
        if method in FIRST_CALLS:
            if self._joined is not None:
                raise ServiceError("already_joined", "this connection has joined already")
            return await (self._join(params) if isinstance(params, msg.Join) else self._resume(params))
        if self._joined is None or self._joined.session.closed:
            raise ServiceError("not_joined", "call session.join first")
        if method in REPEATABLE and params.request is not None:
            return await self._once(method, params)
        return await HANDLERS[method](self._joined, params)

    async def _once(self, method: str, params: msg.Call) -> dict[str, Any]:
        """A call that is repeated with the same `request` gives the first result. It is kept sealed, for it
        can hold a link's code."""
        joined = self._joined
        assert joined is not None

        async def work(seed: str) -> Kept:
            result = await HANDLERS[method](replace(joined, seed=seed), params)
            return Kept(200, "application/json", json.dumps(result).encode())

        scope = f"socket {joined.live.id} {joined.participant}"
        body = f"{method} {params.model_dump_json(exclude_unset=True)}".encode()
        try:
            first, _ = await self._services.idempotency.run(
                scope, str(params.request), body, work, restricts=method in RESTRICTS
            )
        except IdempotencyError as error:
            if error.code != "idempotency_mismatch":
                raise
            raise ServiceError("request_reused", "this request id belongs to another call") from error
        result: dict[str, Any] = json.loads(first.body)
        return result

    async def _join(self, params: msg.Join) -> dict[str, Any]:
        claims = self._services.tokens.verify_access(params.token)
        live = await self._services.hub.live(claims.meeting)
        state = live.current
        person = state.participants.get(claims.sub)
        if person is None or not await self._services.invitations.grant_stands(
            claims.meeting, claims.sub, claims.jti
        ):
            raise ServiceError("grant_revoked", "the invitation has been taken back")
        if (person.role.value, person.agency, person.station) != (claims.role, claims.agency, claims.station):
            raise ServiceError("grant_revoked", "the token does not fit the invitation")
        if params.slot not in slots(person):
            raise ServiceError("not_allowed", "only the newcomer has a second device")
        opened = await self._services.hub.sessions.open(
            meeting=claims.meeting,
            participant=person.id,
            slot=params.slot,
            grant=claims.jti,
            mixes=params.mixes,
        )
        return await self._enter(live, opened, params.rtpCapabilities)

    async def _resume(self, params: Any) -> dict[str, Any]:
        hub = self._services.hub
        await hub.demand_session_here(params.session)
        try:
            back = await hub.sessions.resume(params.session, params.secret)
        except SecretLeftBehind as error:
            await hub.close_session(error.meeting, error.session, "session_closed", error.message)
            raise
        live = await hub.live(back.meeting)
        if not await self._services.invitations.grant_stands(back.meeting, back.participant, back.grant):
            raise ServiceError("grant_revoked", "the invitation has been taken back")
        return await self._enter(live, back)

    async def _enter(
        self, live: Live, who: Returning, receives: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        hub = self._services.hub
        device = Session(
            id=who.session,
            meeting=live.id,
            participant=who.participant,
            slot=who.slot,
            grant=who.grant,
            outbox=self._outbox,
            mixes=who.mixes or hub.mixers is None,
        )
        if live.current.ended:
            raise Rejected(Reason.MEETING_ENDED, "the meeting has ended")
        capabilities = hub.workers.router_capabilities
        self._device = device
        attached = await live.attach(device)
        await self._demand_grant_again(live, device)
        services = self._services
        self._joined = Joined(
            hub, live, device, services.invitations, services.entrances, services.catalogue, services.turn
        )
        if attached.replaced is not None:
            await self._retire(attached.replaced)
        return {
            "participant": who.participant,
            "session": who.session,
            "secret": who.secret,
            "last_event": attached.last_event,
            "media": attached.media,
            "mixed": not device.mixes,
            "snapshot": attached.snapshot,
            "ice_servers": services.turn.servers(who.participant),
            "router_rtp_capabilities": capabilities,
            "receiving": None if receives is None else await self._receiving(live, device, receives),
        }

    async def _receiving(
        self, live: Live, device: Session, capabilities: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Nobody is kept out because media could not begin."""
        try:
            made: dict[str, Any] = await live.change_media(
                lambda: live.exchange.receive(device, capabilities)
            )
        except (WorkerError, ServiceError) as error:
            log.info("nothing is received along with joining", code=error.code)
            return None
        return made

    async def _demand_grant_again(self, live: Live, device: Session) -> None:
        """Who takes a grant back shows out the devices that are there: this one may have come just after."""
        stands = False
        try:
            stands = await self._services.invitations.grant_stands(live.id, device.participant, device.grant)
        finally:
            if not stands:
                await live.leave(device)
        if not stands:
            raise ServiceError("grant_revoked", "the invitation has been taken back")

    async def _retire(self, session: str) -> None:
        try:
            await self._services.hub.sessions.close(session, "replaced")
        except StoreUnavailable as error:
            log.warning("a replaced session is not marked as such", session=session, error=str(error))


class Allowance:
    """A token bucket: `burst` calls at once, then `rate` a second."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._at = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _parse(text: str) -> dict[str, Any]:
    try:
        call = loads(text)
    except (ValueError, RecursionError) as error:
        raise RpcError(PARSE_ERROR, f"not JSON: {str(error)[:120]}", "parse_error") from error
    if not isinstance(call, dict) or call.get("jsonrpc") != "2.0" or not isinstance(call.get("method"), str):
        raise RpcError(INVALID_REQUEST, "a call is one JSON-RPC 2.0 object", "invalid_request")
    if not isinstance(call.get("id"), str | int | float | None) or isinstance(call.get("id"), bool):
        raise RpcError(INVALID_REQUEST, "an id is a string or a number", "invalid_request")
    return call


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}" if where else str(fault["msg"])


def _closed(code: str, reason: str) -> bytes:
    return frame("session.closed", {"code": code, "reason": reason})
