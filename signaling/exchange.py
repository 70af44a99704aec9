"""One meeting's media as signaling knows it: which device has which transports, producers and consumers.

What may flow is the table, computed from `rooms.policy.audience` and held by the worker; this keeps the
consumers in step with it.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from media.client import WorkerError
from rooms.policy import Audience
from signaling.dump import RoomDump
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.worker import Worker
from signaling.workers import Workers

log = structlog.get_logger(__name__)


MIX = "mix_"
"""How the names of mixes begin; no participant's does."""


class Link(Protocol):
    """Through whom a device is told: its connection, or what stands for one. `mixes`: it makes one sound of
    several by itself."""

    id: str
    participant: str
    slot: str
    closed: bool
    mixes: bool

    def notify(self, method: str, params: dict[str, Any], about: str | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Producer:
    id: str
    session: str
    owner: str
    transport: str
    kind: str
    source: str


@dataclass(frozen=True, slots=True)
class Consumer:
    id: str
    kind: str
    parameters: dict[str, Any]


@dataclass(slots=True)
class Device:
    """The media of one session, held by the worker of that `generation`. It outlives the session's connection
    `link`, which is None for a device that came with an adopted worker and has not come back yet.

    `consumers`: producer id → consumer, None where it cannot be consumed.
    """

    session: str
    participant: str
    slot: str
    generation: int
    mixes: bool = True
    link: Link | None = None
    send: str | None = None
    receive: str | None = None
    consumers: dict[str, Consumer | None] = field(default_factory=dict)

    @property
    def transports(self) -> tuple[str, ...]:
        return tuple(t for t in (self.send, self.receive) if t is not None)

    @property
    def connected(self) -> bool:
        return self.link is not None and not self.link.closed

    def notify(self, method: str, params: dict[str, Any]) -> None:
        if self.link is not None:
            self.link.notify(method, params)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a session is, as the store knows it."""

    participant: str
    slot: str
    mixes: bool = True


NO_MEDIA: dict[str, Any] = {"transports": [], "producers": [], "consumers": []}


class Exchange:
    def __init__(self, room: str, workers: Workers) -> None:
        self._room = room
        self._workers = workers
        self.worker: Worker = workers.place()
        self._devices: dict[str, Device] = {}
        self._producers: dict[str, Producer] = {}
        self._layers: dict[str, list[int]] = {}
        """Producer → its layers that somebody needs."""
        self._revision = 0
        self.table: Audience = {}

    async def adopt_table(self, worker: Worker, found: RoomDump, target: Audience) -> None:
        """The worker has served the room for a service that died: it keeps what `target` allows, no more, and
        has acknowledged it on return."""
        self.worker = worker
        self._revision = found.revision
        self.table = found.allow
        await self.restrict(target)

    async def adopt_devices(self, found: RoomDump, holders: Mapping[str, Holder], generation: int) -> None:
        """What belongs to a session that stands goes on; the rest is closed."""
        if generation != self.worker.generation:
            return
        for transport in found.transports:
            session = session_of(transport["id"])
            holder = holders.get(session)
            if holder is None or holder.participant != transport["owner"]:
                await self._close_stranger(transport["id"])
                continue
            fresh = Device(session, holder.participant, holder.slot, generation, holder.mixes)
            device = self._devices.setdefault(session, fresh)
            earlier = device.send if transport["direction"] == "send" else device.receive
            if earlier is not None:
                await self._close_stranger(earlier)
            if transport["direction"] == "send":
                device.send = transport["id"]
            else:
                device.receive = transport["id"]
        if self._devices:
            self.worker.rooms.add(self._room)
        by_transport = {t: device for device in self._devices.values() for t in device.transports}
        for each in found.producers:
            sender = by_transport.get(each["transport"])
            if sender is not None:
                self._producers[each["id"]] = Producer(
                    each["id"],
                    sender.session,
                    sender.participant,
                    each["transport"],
                    each["kind"],
                    each["source"],
                )
                self._layers[each["id"]] = list(each["layers"])
        for each in found.consumers:
            listener, producer = by_transport.get(each["transport"]), self._producers.get(each["producer"])
            if listener is not None and producer is not None and self._allowed(listener, producer):
                listener.consumers[producer.id] = Consumer(each["id"], each["kind"], each["rtpParameters"])

    async def _close_stranger(self, transport: str) -> None:
        log.info("media of nobody is closed", room=self._room, transport=transport)
        await self._quietly(lambda worker: worker.close_transport(transport))

    async def drop_unclaimed(self) -> None:
        """The adopted devices that nobody has come back to."""
        for device in [d for d in self._devices.values() if d.link is None]:
            await self.drop(device.session)

    async def attach(self, session: Link) -> dict[str, Any]:
        """The connection speaks for its session from now on: what of its media still stands. Other sessions
        of the same slot lose theirs."""
        slot = (session.participant, session.slot)
        for device in [d for d in self._devices.values() if (d.participant, d.slot) == slot]:
            if device.session != session.id:
                await self.drop(device.session)
        standing = self._devices.get(session.id)
        if standing is None or standing.generation != self.worker.generation:
            return NO_MEDIA
        standing.link = session
        return self._standing(standing)

    def _standing(self, device: Device) -> dict[str, Any]:
        directions = ((device.send, "send"), (device.receive, "recv"))
        return {
            "transports": [{"id": id_, "direction": way} for id_, way in directions if id_ is not None],
            "producers": [
                {
                    "id": p.id,
                    "transport": p.transport,
                    "kind": p.kind,
                    "source": p.source,
                    "layers": self._layers.get(p.id, []),
                }
                for p in self._producers.values()
                if p.session == device.session
            ],
            "consumers": [
                _offer(consumer, self._producers[producer])
                for producer, consumer in device.consumers.items()
                if consumer is not None
            ],
        }

    async def restrict(self, target: Audience) -> None:
        """The worker forbids what `target` does not allow, and has acknowledged it (or is dead) on return."""
        kept = intersection(self.table, target)
        if kept != self.table:
            await self._set(kept)

    async def allow(self, target: Audience, entering: frozenset[str] = frozenset()) -> None:
        """`entering`: as `rooms.policy.entering` has it."""
        if target != self.table:
            await self._set(target, entering)

    async def _set(self, table: Audience, entering: frozenset[str] = frozenset()) -> None:
        self._revision += 1
        try:
            await self.worker.set_table(self._room, self._revision, table, entering)
        except ServiceUnavailable as error:
            # Without an answer the worker is dead and forwards nothing.
            log.warning("table not acknowledged", room=self._room, code=error.code)
            self.table = {}
        else:
            self.table = table

    def hears(self, listener: str, owner: str) -> bool:
        return owner in self.table.get(listener, {})

    @property
    def unmixed(self) -> Audience:
        """The table without the mixes."""
        people = {who: heard for who, heard in self.table.items() if not who.startswith(MIX)}
        return {
            who: {owner: sources for owner, sources in heard.items() if not owner.startswith(MIX)}
            for who, heard in people.items()
        }

    async def create_transport(
        self, session: Link, direction: str, capabilities: dict[str, Any] | None
    ) -> dict[str, Any]:
        """A second transport in a direction takes the place of the first."""
        if session.closed:
            raise ServiceError("not_joined", "the session has been closed")
        if not self._devices:
            await self._find_room()
        generation = self.worker.generation
        device = self._devices.get(session.id) or Device(
            session.id, session.participant, session.slot, generation, session.mixes, session
        )
        if device.generation != generation:
            raise ServiceUnavailable("media_unavailable", "media starts over; try again in a moment")
        earlier = device.send if direction == "send" else device.receive
        if earlier is not None:
            await self._close_transport(device, earlier)
        self.worker.rooms.add(self._room)
        transport = transport_of(session.id)
        answer: dict[str, Any] = await self.worker.call(
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
        self._devices[session.id] = device
        return answer

    async def receive(self, session: Link, capabilities: dict[str, Any]) -> dict[str, Any]:
        """A transport to receive, with a consumer of all that is allowed: `messages.Receiving`. They flow as
        soon as it is connected, which is after the device has set them up."""
        transport = await self.create_transport(session, "recv", capabilities)
        device = self._devices[session.id]
        wanted = [each for each in self._producers.values() if self._wanted(device, each)]
        made = await asyncio.gather(*(self._make_consumer(device, each) for each in wanted))
        offers = [(c, p) for c, p in zip(made, wanted, strict=True) if c is not None]
        flowing = await asyncio.gather(
            *(self._quietly(lambda worker, id_=c.id: worker.resume_consumer(id_)) for c, _ in offers)
        )
        consumers = [{**_offer(c, p), "flows": flows} for (c, p), flows in zip(offers, flowing, strict=True)]
        return {"transport": transport, "consumers": consumers}

    async def _find_room(self) -> None:
        """Before the first device: at the worker that has least to do."""
        there = self._workers.place()
        if there is self.worker or (self.worker.running and len(self.worker.rooms) <= len(there.rooms)):
            return
        await self._quietly(lambda worker: worker.close_room(self._room))
        table, self.table = self.table, {}
        self.worker = there
        await self.allow(table)

    def own_transport(self, session: Link, transport: str) -> str:
        device = self._devices.get(session.id)
        if device is None or transport not in device.transports:
            raise ServiceError("unknown_transport", "there is no such transport")
        return transport

    def own_producer(self, session: Link, producer: str) -> str:
        found = self._producers.get(producer)
        if found is None or found.session != session.id:
            raise ServiceError("unknown_producer", "there is no such producer")
        return producer

    def own_consumer(self, session: Link, consumer: str) -> str:
        device = self._devices.get(session.id)
        if device is None or consumer not in [c.id for c in device.consumers.values() if c is not None]:
            raise ServiceError("unknown_consumer", "there is no such consumer")
        return consumer

    async def produce(
        self, session: Link, transport: str, kind: str, source: str, parameters: dict[str, Any]
    ) -> str:
        """A second producer of the same source takes the place of the first, a screen that of everybody's."""
        self.own_transport(session, transport)
        mine = [p for p in self._producers.values() if p.session == session.id]
        for earlier in [p for p in mine if p.source == source]:
            await self.close_producer(session, earlier.id)
        producer = "pr_" + secrets.token_hex(8)
        await self.worker.call(
            lambda worker: worker.produce(
                transport=transport, producer=producer, kind=kind, source=source, rtp_parameters=parameters
            )
        )
        self._producers[producer] = Producer(
            producer, session.id, session.participant, transport, kind, source
        )
        self._layers[producer] = list(range(len(parameters.get("encodings", ()))))
        if source == "screen":
            await self._take_down_screens(session)
        return producer

    async def _take_down_screens(self, shower: Link) -> None:
        """One screen at a time is shown to the same people: the newest."""
        me = shower.participant
        others = [p for p in self._producers.values() if p.source == "screen" and p.session != shower.id]
        for earlier in [p for p in others if p.owner == me or self.hears(p.owner, me)]:
            await self._quietly(lambda worker, id_=earlier.id: worker.close_producer(id_))
            self._forget_producer(earlier.id)
            device = self._devices.get(earlier.session)
            if device is not None:
                device.notify("media.producerClosed", {"id": earlier.id, "reason": "replaced"})

    async def close_producer(self, session: Link, producer: str) -> None:
        self.own_producer(session, producer)
        await self._quietly(lambda worker: worker.close_producer(producer))
        self._forget_producer(producer)

    async def restart_consumer(self, session: str, consumer: str) -> None:
        """Closes it; `reconcile` makes another one of the same source."""
        device = self._devices.get(session)
        if device is None:
            return
        for producer, made in list(device.consumers.items()):
            if made is not None and made.id == consumer:
                await self._quietly(lambda worker: worker.close_consumer(consumer))
                self._end_consumer(device, producer)

    def session_with(self, consumer: str) -> str | None:
        """The session that it is a consumer of."""
        for device in self._devices.values():
            if any(made is not None and made.id == consumer for made in device.consumers.values()):
                return device.session
        return None

    async def reconcile(self) -> None:
        """Ends the consumers that the table forbids, makes those that it allows, and tells the devices."""
        for device in self._devices.values():
            for producer in [self._producers[p] for p in device.consumers if p in self._producers]:
                if not self._allowed(device, producer):
                    self._end_consumer(device, producer.id)
        for device in list(self._devices.values()):
            for producer in list(self._producers.values()):
                if device.receive is not None and self._wanted(device, producer):
                    await self._consume(device, producer)

    async def drop(self, session: str) -> None:
        """The device is gone: so is all its media."""
        device = self._devices.pop(session, None)
        if device is None:
            return
        for transport in device.transports:
            await self._quietly(lambda worker, transport=transport: worker.close_transport(transport))
        for producer in [p.id for p in self._producers.values() if p.session == session]:
            self._forget_producer(producer)
        if not self._devices:
            self.worker.rooms.discard(self._room)

    async def close(self) -> None:
        """The meeting is over: the worker forgets the room."""
        await self._quietly(lambda worker: worker.close_room(self._room))
        self.worker.rooms.discard(self._room)
        self._devices.clear()
        self._producers.clear()
        self._layers.clear()
        self.table = {}

    def lost(self) -> Iterable[Link]:
        """The worker is another one. The connections whose media is gone with the one before, to be told."""
        if not self.worker.running:
            self.worker = self._workers.place()
        current = self.worker.generation
        gone = [device for device in self._devices.values() if device.generation != current]
        for device in gone:
            del self._devices[device.session]
        self._producers = {id_: p for id_, p in self._producers.items() if p.session in self._devices}
        self._layers = {id_: layers for id_, layers in self._layers.items() if id_ in self._producers}
        self.table = {}
        return [device.link for device in gone if device.link is not None]

    async def stats(self) -> dict[str, Any]:
        """What the worker counts. Raises WorkerError, ServiceUnavailable."""
        found: dict[str, Any] = await self.worker.call(lambda worker: worker.stats(self._room))
        return found

    def layers_needed(self, producer: str, layers: list[int]) -> None:
        """The worker needs other layers than it did: the publisher is told."""
        found = self._producers.get(producer)
        device = None if found is None else self._devices.get(found.session)
        if device is not None:
            self._layers[producer] = layers
            device.notify("media.layers", {"id": producer, "layers": layers})

    def producer_closed(self, producer: str) -> None:
        """The worker ended it by itself."""
        self._forget_producer(producer)

    def transport_closed(self, transport: str) -> None:
        """The worker ended it by itself, or its peer did."""
        for device in self._devices.values():
            if transport in device.transports:
                self._forget_transport(device, transport)

    async def _consume(self, device: Device, producer: Producer) -> None:
        consumer = await self._make_consumer(device, producer)
        if consumer is not None:
            device.notify("media.newConsumer", _offer(consumer, producer))

    async def _make_consumer(self, device: Device, producer: Producer) -> Consumer | None:
        """A paused one, that the device is to be told of."""
        id_ = "c_" + secrets.token_hex(8)
        receive = device.receive
        assert receive is not None
        try:
            made = await self.worker.call(
                lambda worker: worker.consume(consumer=id_, transport=receive, producer=producer.id)
            )
        except WorkerError as error:
            if error.code == "cannot_consume":
                device.consumers[producer.id] = None
            else:
                log.warning("cannot consume", room=self._room, code=error.code)
            return None
        except ServiceUnavailable:
            return None
        if producer.id not in self._producers or device.receive != receive:
            return None  # the worker ended one of them meanwhile, and the consumer with it
        consumer = Consumer(id_, made["kind"], made["rtpParameters"])
        device.consumers[producer.id] = consumer
        return consumer

    def _wanted(self, device: Device, producer: Producer) -> bool:
        """Who is away gets nothing new: it is offered when they are back."""
        return (
            device.connected
            and producer.session != device.session
            and producer.id not in device.consumers
            and self._allowed(device, producer)
        )

    def _allowed(self, device: Device, producer: Producer) -> bool:
        heard: Mapping[str, tuple[str, ...]] = self.table.get(device.participant, {})
        return producer.source in heard.get(producer.owner, ()) and _suits(device, producer)

    def _end_consumer(self, device: Device, producer: str) -> None:
        consumer = device.consumers.pop(producer)
        if consumer is not None:
            device.notify("media.consumerClosed", {"id": consumer.id})

    def _forget_producer(self, producer: str) -> None:
        self._producers.pop(producer, None)
        self._layers.pop(producer, None)
        for device in self._devices.values():
            if producer in device.consumers:
                self._end_consumer(device, producer)

    async def _close_transport(self, device: Device, transport: str) -> None:
        await self._quietly(lambda worker: worker.close_transport(transport))
        self._forget_transport(device, transport)

    def _forget_transport(self, device: Device, transport: str) -> None:
        if device.send == transport:
            device.send = None
            for producer in [p.id for p in self._producers.values() if p.transport == transport]:
                self._forget_producer(producer)
        elif device.receive == transport:
            device.receive = None
            for producer in list(device.consumers):
                self._end_consumer(device, producer)

    async def _quietly(self, ask: Any) -> bool:
        """For endings, and for what may have ended meanwhile: what is gone already is as good as ended.
        Whether it was there."""
        try:
            await self.worker.call(ask)
        except (WorkerError, ServiceUnavailable) as error:
            log.debug("nothing to tell it to", room=self._room, code=error.code)
            return False
        return True


def _suits(device: Device, producer: Producer) -> bool:
    """Sound reaches a device that cannot mix as the one mix that is made for it, others as it is."""
    if device.mixes:
        return producer.source != "mix"
    return producer.source == "mix" or producer.kind != "audio"


def transport_of(session: str) -> str:
    """A fresh transport id that says whose it is, so that a worker's dump can be taken up again."""
    return f"t_{session}.{secrets.token_hex(8)}"


def session_of(transport: str) -> str:
    """The session in a transport's id; empty if it names none."""
    return transport.removeprefix("t_").partition(".")[0]


def _offer(consumer: Consumer, producer: Producer) -> dict[str, Any]:
    """`media.newConsumer`."""
    return {
        "id": consumer.id,
        "producer": producer.id,
        "participant": producer.owner,
        "source": producer.source,
        "kind": consumer.kind,
        "rtpParameters": consumer.parameters,
    }


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
