"""Mixes for those whose devices cannot mix: which of them stand, and the process that makes them.

A mix takes part in its meeting's media like a device: it has a transport in each direction, gets the
consumers that the table gives it, and has one producer, which is one sound. What it may hear and who hears it
stand in the table, so that the worker enforces both; `rooms.mixes` decides them. A mix of which
anything is taken is another one afterwards, with a name, transports and a memory of its own.
"""

import asyncio
import contextlib
import functools
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from config.media import MediaSettings
from media.client import WorkerError
from media.mixing.client import MixerClient
from rooms.meeting import Meeting
from rooms.mixes import Choice, Mix, going_on, mixes
from rooms.policy import Audience, audience
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.exchange import MIX, Exchange

log = structlog.get_logger(__name__)

RETRY = 0.5

Change = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Runs something between two batches of the meeting."""


class Mixers:
    """The mixing process: started when somebody needs it first, ended when nobody does any more."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._client: MixerClient | None = None
        self._starting = asyncio.Lock()
        self._users: set[Mixing] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def pid(self) -> int | None:
        return None if self._client is None else self._client.process.pid

    def mixing(self, exchange: Exchange, change: Change) -> "Mixing":
        return Mixing(self, exchange, change)

    async def client(self) -> MixerClient:
        """Raises `ServiceUnavailable`."""
        async with self._starting:
            if self._closed or not self._users:
                raise ServiceUnavailable("media_unavailable", "nobody needs a mix")
            if self._client is None:
                self._client = await MixerClient.start(self._ended, self._lost)
                log.info("mixing begins", pid=self.pid)
            return self._client

    def use(self, user: "Mixing") -> None:
        self._users.add(user)

    def leave(self, user: "Mixing") -> None:
        self._users.discard(user)
        if not self._users and self._client is not None:
            client, self._client = self._client, None
            log.info("mixing ends", pid=client.process.pid)
            self._keep(client.close())

    async def close(self) -> None:
        self._closed = True
        self._users.clear()
        async with self._starting:
            client, self._client = self._client, None
        if client is not None:
            await client.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def candidates(self, port: int) -> list[dict[str, Any]]:
        """Where the worker is for a process of this machine, whatever it announces to others."""
        return [
            {"protocol": "udp", "address": each.ip, "port": port, "priority": -place}
            for place, each in enumerate(self._settings.listen)
        ]

    def _ended(self, mix: str) -> None:
        for user in list(self._users):
            user.ended(mix)

    def _lost(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        log.warning("the mixing process is gone", pid=client.process.pid)
        client.process.kill()
        self._keep(client.close())
        for user in list(self._users):
            user.lost()

    def _keep(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Seat:
    """A mix among the devices of its meeting."""

    slot = "mix"
    mixes = True

    def __init__(self, name: str) -> None:
        self.id = self.participant = name
        self.closed = False
        self.client: MixerClient | None = None
        self.follows: Mix | None = None
        self.on_notice: Callable[[Seat, str, dict[str, Any]], None] = lambda seat, method, params: None

    def notify(self, method: str, params: dict[str, Any], about: str | None = None) -> None:
        self.on_notice(self, method, params)


class Mixing:
    """The mixes of one meeting."""

    def __init__(self, mixers: Mixers, exchange: Exchange, change: Change) -> None:
        self._mixers = mixers
        self._exchange = exchange
        self._change = change
        self._planned: dict[str, Mix] = {}
        self._seats: dict[str, Seat] = {}
        self._needed = self._closed = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def table(self, state: Meeting, choices: Mapping[str, Choice]) -> Audience:
        """Who may receive what, mixes among them. Whatever is new gets a name that nothing had before."""
        found = mixes(state, choices)
        self._needed = bool(choices) and not state.ended
        names = going_on(self._planned, found)
        self._planned = {names.get(mix.key) or MIX + secrets.token_hex(8): mix for mix in found}
        allowed = {listener: dict(heard) for listener, heard in audience(state).items()}
        for name, mix in self._planned.items():
            allowed[name] = dict(mix.key.heard)
            for listener in mix.listeners:
                allowed[listener][name] = ("mix",)
        return allowed

    async def settle(self) -> None:
        """Between batches: ends what is not needed, begins what is, and says how loud everything is."""
        if self._closed:
            return
        for name in [name for name in self._seats if name not in self._planned]:
            await self._end(name)
        if self._needed:
            self._mixers.use(self)
        else:
            self._mixers.leave(self)
        for name, mix in self._planned.items():
            seat = self._seats.get(name)
            if seat is None:
                seat = self._seats[name] = Seat(name)
                seat.on_notice = self._noticed
                self._begin(self._bring_up(seat))
            if seat.follows != mix:
                seat.follows = mix
                self._tell(seat, self._loudness(seat))

    async def close(self) -> None:
        """The meeting leaves memory, or the service ends."""
        self._closed = True
        for seat in self._seats.values():
            seat.closed = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._seats.clear()
        self._mixers.leave(self)

    def lost(self) -> None:
        """The process is gone, and with it every mix."""
        for name in list(self._seats):
            self.ended(name)

    def ended(self, name: str) -> None:
        """A mix is gone: it is made anew."""
        if name in self._seats and not self._closed:
            self._begin(self._again(self._seats[name]))

    async def _again(self, seat: Seat) -> None:
        async def anew() -> None:
            if self._seats.get(seat.id) is seat:
                await self._end(seat.id)
                await self.settle()

        with contextlib.suppress(ServiceError):
            await self._change(anew)

    async def _end(self, name: str) -> None:
        seat = self._seats.pop(name)
        seat.closed = True
        await self._exchange.drop(name)
        self._tell(seat, lambda client: client.close_mix(name))

    async def _bring_up(self, seat: Seat) -> None:
        """Until it stands, or is not needed any more."""
        while not seat.closed:
            try:
                await self._stand_up(seat)
            except (WorkerError, ServiceError, OSError) as error:
                if not seat.closed:
                    log.warning("a mix does not begin", why=str(error))
                await self._undo(seat)
                await asyncio.sleep(RETRY)
            else:
                return

    async def _stand_up(self, seat: Seat) -> None:
        seat.client = client = await self._mixers.client()
        offer = await client.open(seat.id, self._exchange.worker.router_capabilities)
        placed = await self._change(functools.partial(self._place, seat, offer))
        if placed is None:
            await client.close_mix(seat.id)
            return
        self._tell(seat, self._loudness(seat))
        await asyncio.gather(client.connect(seat.id, *placed), self._change(self._exchange.reconcile))

    async def _undo(self, seat: Seat) -> None:
        with contextlib.suppress(ServiceError):
            await self._change(lambda: self._exchange.drop(seat.id))
        client, seat.client = seat.client, None
        if client is not None:
            with contextlib.suppress(WorkerError):
                await client.close_mix(seat.id)

    async def _place(
        self, seat: Seat, offer: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Between batches: its transports and its producer; None when nobody needs it any more."""
        if seat.closed:
            return None
        answers = []
        for direction, parameters in (("send", offer["send"]), ("recv", offer["receive"])):
            answer = await self._exchange.create_transport(seat, direction, None)
            answers.append({**answer, "iceCandidates": self._mixers.candidates(self._exchange.worker.port)})
            await self._connect(answer["id"], parameters)
        send, receive = answers
        await self._exchange.produce(seat, send["id"], "audio", "mix", offer["rtpParameters"])
        return send, receive

    async def _connect(self, transport: str, parameters: Mapping[str, Any]) -> None:
        await self._exchange.worker.call(lambda worker: worker.connect_transport(transport, parameters))

    def _noticed(self, seat: Seat, method: str, params: dict[str, Any]) -> None:
        match method:
            case "media.newConsumer":
                self._tell(seat, lambda client: self._hear(client, seat, params))
            case "media.consumerClosed":
                self._tell(seat, lambda client: client.forget(seat.id, params["id"]))
            case "media.reset":
                self.ended(seat.id)

    async def _hear(self, client: MixerClient, seat: Seat, offer: dict[str, Any]) -> None:
        ssrc = offer["rtpParameters"]["encodings"][0]["ssrc"]
        await client.hear(
            seat.id, voice=offer["id"], owner=offer["participant"], source=offer["source"], ssrc=ssrc
        )
        await self._exchange.worker.call(lambda worker: worker.resume_consumer(offer["id"]))

    def _loudness(self, seat: Seat) -> Callable[[MixerClient], Awaitable[None]]:
        mix = seat.follows
        assert mix is not None
        voices = [
            (owner, source, loudness.level, loudness.lowered)
            for owner, sources in mix.voices.items()
            for source, loudness in sources.items()
        ]
        return lambda client: client.set(seat.id, voices, mix.over, mix.automatic)

    def _tell(self, seat: Seat, what: Callable[[MixerClient], Awaitable[None]]) -> None:
        """In the order in which it is said; nothing to one that is not there yet."""
        if seat.client is not None:
            self._begin(_quietly(what(seat.client)))

    def _begin(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _quietly(work: Awaitable[None]) -> None:
    """What cannot be said to a mix any more has become pointless: it ends, or is made anew."""
    try:
        await work
    except (WorkerError, ServiceError) as error:
        log.debug("a mix was not told", why=str(error))
