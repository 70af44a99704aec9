"""One meeting's media as signaling knows it: which device has which transports, producers and consumers.

What may flow is the table, computed from `rooms.policy.audience` and held by the worker; this keeps the
consumers in step with it.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from media.client import WorkerError
from rooms.policy import Audience
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.session import Session
from signaling.workers import Workers

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Producer:
    id: str
    session: Session
    transport: str
    kind: str
    source: str


@dataclass(slots=True)
class Device:
    """The media of one session, held by the worker of that `generation`. `consumers`: producer id → consumer
    id, None where it cannot be consumed."""

    generation: int
    send: str | None = None
    receive: str | None = None
    consumers: dict[str, str | None] = field(default_factory=dict)

    @property
    def transports(self) -> tuple[str, ...]:
        return tuple(t for t in (self.send, self.receive) if t is not None)


class Exchange:
    def __init__(self, room: str, workers: Workers) -> None:
        self._room = room
        self._workers = workers
        self._devices: dict[Session, Device] = {}
        self._producers: dict[str, Producer] = {}
        self._revision = 0
        self.table: Audience = {}

    async def restrict(self, target: Audience) -> None:
        """The worker forbids what `target` does not allow, and has acknowledged it (or is dead) on return."""
        kept = intersection(self.table, target)
        if kept != self.table:
            await self._set(kept)

    async def allow(self, target: Audience) -> None:
        if target != self.table:
            await self._set(target)

    async def _set(self, table: Audience) -> None:
        self._revision += 1
        try:
            await self._workers.set_table(self._room, self._revision, table)
        except ServiceUnavailable as error:
            # Without an answer the worker is dead and forwards nothing.
            log.warning("table not acknowledged", room=self._room, code=error.code)
            self.table = {}
        else:
            self.table = table

    def hears(self, listener: str, owner: str) -> bool:
        return owner in self.table.get(listener, {})

    async def create_transport(
        self, session: Session, direction: str, capabilities: dict[str, Any] | None
    ) -> dict[str, Any]:
        """A second transport in a direction takes the place of the first."""
        if session.closed:
            raise ServiceError("not_joined", "the session has been closed")
        generation = self._workers.generation
        device = self._devices.get(session) or Device(generation)
        if device.generation != generation:
            raise ServiceUnavailable("media_unavailable", "media starts over; resume the session")
        earlier = device.send if direction == "send" else device.receive
        if earlier is not None:
            await self._close_transport(session, device, earlier)
        transport = "t_" + secrets.token_hex(8)
        answer: dict[str, Any] = await self._workers.call(
            lambda worker: worker.create_transport(
                room=self._room,
                owner=session.participant,
                transport=transport,
                direction=direction,
                rtp_capabilities=capabilities,  # type: ignore[arg-type]
            )
        )
        if direction == "send":
            device.send = transport
        else:
            device.receive = transport
        self._devices[session] = device
        return answer

    def own_transport(self, session: Session, transport: str) -> str:
        device = self._devices.get(session)
        if device is None or transport not in device.transports:
            raise ServiceError("unknown_transport", "there is no such transport")
        return transport

    def own_producer(self, session: Session, producer: str) -> str:
        found = self._producers.get(producer)
        if found is None or found.session is not session:
            raise ServiceError("unknown_producer", "there is no such producer")
        return producer

    def own_consumer(self, session: Session, consumer: str) -> str:
        device = self._devices.get(session)
        if device is None or consumer not in device.consumers.values():
            raise ServiceError("unknown_consumer", "there is no such consumer")
        return consumer

    async def produce(
        self, session: Session, transport: str, kind: str, source: str, parameters: dict[str, Any]
    ) -> str:
        """A second producer of the same source takes the place of the first."""
        self.own_transport(session, transport)
        for earlier in [p for p in self._producers.values() if p.session is session and p.source == source]:
            await self.close_producer(session, earlier.id)
        producer = "pr_" + secrets.token_hex(8)
        await self._workers.call(
            lambda worker: worker.produce(
                transport=transport, producer=producer, kind=kind, source=source, rtp_parameters=parameters
            )
        )
        self._producers[producer] = Producer(producer, session, transport, kind, source)
        return producer

    async def close_producer(self, session: Session, producer: str) -> None:
        self.own_producer(session, producer)
        await self._quietly(lambda worker: worker.close_producer(producer))
        self._forget_producer(producer)

    async def reconcile(self) -> None:
        """Ends the consumers that the table forbids, makes those that it allows, and tells the devices."""
        for session, device in self._devices.items():
            for producer in [self._producers[p] for p in device.consumers if p in self._producers]:
                if not self._allowed(session, producer):
                    self._end_consumer(session, device, producer.id)
        for session, device in list(self._devices.items()):
            for producer in list(self._producers.values()):
                if device.receive is not None and self._wanted(session, device, producer):
                    await self._consume(session, device, producer)

    async def drop(self, session: Session) -> None:
        """The device is gone: so is all its media."""
        device = self._devices.pop(session, None)
        if device is None:
            return
        for transport in device.transports:
            await self._quietly(lambda worker, transport=transport: worker.close_transport(transport))
        for producer in [p.id for p in self._producers.values() if p.session is session]:
            self._forget_producer(producer)

    async def close(self) -> None:
        """The meeting is over: the worker forgets the room."""
        await self._quietly(lambda worker: worker.close_room(self._room))
        self._devices.clear()
        self._producers.clear()
        self.table = {}

    def lost(self) -> Iterable[Session]:
        """The worker is another one. The devices whose media is gone with the one before, to be told."""
        current = self._workers.generation
        gone = [session for session, device in self._devices.items() if device.generation != current]
        for session in gone:
            del self._devices[session]
        self._producers = {id_: p for id_, p in self._producers.items() if p.session in self._devices}
        self.table = {}
        return gone

    def producer_closed(self, producer: str) -> None:
        """The worker ended it by itself."""
        self._forget_producer(producer)

    async def _consume(self, session: Session, device: Device, producer: Producer) -> None:
        consumer = "c_" + secrets.token_hex(8)
        receive = device.receive
        assert receive is not None
        try:
            made = await self._workers.call(
                lambda worker: worker.consume(consumer=consumer, transport=receive, producer=producer.id)
            )
        except WorkerError as error:
            if error.code == "cannot_consume":
                device.consumers[producer.id] = None
            else:
                log.warning("cannot consume", room=self._room, code=error.code)
            return
        except ServiceUnavailable:
            return
        if producer.id not in self._producers:  # the worker ended it meanwhile, and the consumer with it
            return
        device.consumers[producer.id] = consumer
        session.notify(
            "media.newConsumer",
            {
                "id": consumer,
                "producer": producer.id,
                "participant": producer.session.participant,
                "source": producer.source,
                "kind": made["kind"],
                "rtpParameters": made["rtpParameters"],
            },
        )

    def _wanted(self, session: Session, device: Device, producer: Producer) -> bool:
        return (
            producer.session is not session
            and producer.id not in device.consumers
            and self._allowed(session, producer)
        )

    def _allowed(self, session: Session, producer: Producer) -> bool:
        heard: Mapping[str, tuple[str, ...]] = self.table.get(session.participant, {})
        return producer.source in heard.get(producer.session.participant, ())

    def _end_consumer(self, session: Session, device: Device, producer: str) -> None:
        consumer = device.consumers.pop(producer)
        if consumer is not None:
            session.notify("media.consumerClosed", {"id": consumer})

    def _forget_producer(self, producer: str) -> None:
        self._producers.pop(producer, None)
        for session, device in self._devices.items():
            if producer in device.consumers:
                self._end_consumer(session, device, producer)

    async def _close_transport(self, session: Session, device: Device, transport: str) -> None:
        await self._quietly(lambda worker: worker.close_transport(transport))
        if device.send == transport:
            device.send = None
            for producer in [p.id for p in self._producers.values() if p.transport == transport]:
                self._forget_producer(producer)
        else:
            device.receive = None
            for producer in list(device.consumers):
                self._end_consumer(session, device, producer)

    async def _quietly(self, ask: Any) -> None:
        """For endings: what is gone already is as good as ended."""
        try:
            await self._workers.call(ask)
        except (WorkerError, ServiceUnavailable) as error:
            log.debug("nothing to end", room=self._room, code=error.code)


def intersection(old: Audience, new: Audience) -> Audience:
    kept: dict[str, dict[str, tuple[str, ...]]] = {}
    for listener, heard in old.items():
        allowed = new.get(listener, {})
        both = {
            owner: tuple(s for s in sources if s in allowed.get(owner, ()))
            for owner, sources in heard.items()
        }
        both = {owner: sources for owner, sources in both.items() if sources}
        if both:
            kept[listener] = both
    return kept
