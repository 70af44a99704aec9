"""A router: one room's permission table, transports, producers and consumers.

Who owns whom, and what `close()` takes along:

    Router ─► Transport ─► Producer ─► Consumer
                      └──► Consumer
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from media.consumer import Consumer
from media.errors import WorkerError
from media.handshake import Certificate
from media.ortc import (
    DeviceCapabilities,
    OrtcError,
    can_consume,
    consumer_parameters,
    validate_producer,
)
from media.port import Port
from media.producer import SOURCES, Producer
from media.speakers import Speakers
from media.stream import Threshold
from media.table import PermissionTable
from media.transport import Transport

log = logging.getLogger(__name__)

MAX_TRANSPORTS_PER_OWNER = 16
SETTLED = 1.0
"""Seconds after which nothing that was said before a change of the table is under way any more."""

Emit = Callable[[str, dict[str, Any]], None]


class Router:
    """Forwards only what its table allows; a room without a table allows nothing."""

    def __init__(
        self,
        id_: str,
        port: Port,
        certificate: Certificate,
        emit: Emit,
        clock: Callable[[], float],
        strain: Callable[[], int] = lambda: 0,
    ) -> None:
        """`strain` tells how much pictures are to be made smaller for the processor's sake."""
        self.id = id_
        self.emit = emit
        self.clock = clock
        self.table = PermissionTable()
        self.speakers = Speakers()
        self.transports: dict[str, Transport] = {}
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, Consumer] = {}
        self.closed = False
        self.speaker: str | None = None
        """Who spoke last."""
        self._strain = strain
        self._port = port
        self._certificate = certificate
        self._thresholds: dict[tuple[str, str], Threshold] = {}
        self._cnames: dict[str, str] = {}
        self._turned_at = clock()
        """When the table changed last otherwise than by somebody's coming."""

    def create_transport(self, id_: str, owner: str, direction: str, device: DeviceCapabilities) -> Transport:
        if sum(each.owner == owner for each in self.transports.values()) >= MAX_TRANSPORTS_PER_OWNER:
            raise WorkerError("limit_reached", f"an owner has at most {MAX_TRANSPORTS_PER_OWNER} transports")
        transport = Transport(id_, owner, direction, device, self, self._port, self._certificate)
        self.transports[id_] = transport
        return transport

    def produce(
        self, transport: Transport, id_: str, kind: str, source: str, rtp_parameters: Mapping[str, Any]
    ) -> Producer:
        if transport.direction != "send":
            raise WorkerError("wrong_direction", "only a send transport takes producers")
        if source not in SOURCES:
            raise WorkerError("invalid_parameters", f"source must be one of {', '.join(SOURCES)}")
        try:
            parameters = validate_producer(kind, rtp_parameters)
        except OrtcError as error:
            raise WorkerError("invalid_parameters", str(error)) from error
        producer = Producer(id_, transport, source, parameters)
        transport.add_producer(producer)
        self.producers[id_] = producer
        return producer

    def consume(self, id_: str, transport: Transport, producer: Producer) -> Consumer:
        """A paused consumer; not_allowed unless the table has the pair."""
        if transport.direction != "recv":
            raise WorkerError("wrong_direction", "only a recv transport takes consumers")
        if not self.table.allows(transport.owner, producer.owner, producer.source):
            raise WorkerError("not_allowed", "the table does not let this listener have this source")
        if not can_consume(producer.parameters, transport.device):
            raise WorkerError("cannot_consume", f"the device cannot decode {producer.parameters.mime_type}")
        ssrc, rtx_ssrc = _free_ssrcs(transport)
        parameters = consumer_parameters(
            producer.parameters,
            transport.device,
            ssrc=ssrc,
            rtx_ssrc=rtx_ssrc,
            cname=self._cnames.setdefault(producer.owner, secrets.token_hex(8)),
            mid=transport.new_mid(),
        )
        threshold = self._thresholds.get((transport.owner, producer.id))
        firsts = secrets.randbits(15), secrets.randbits(15)
        consumer = Consumer(id_, transport, producer, parameters, threshold, *firsts)
        transport.add_consumer(consumer)
        producer.consumers[id_] = consumer
        self.consumers[id_] = consumer
        return consumer

    def set_table(self, table: PermissionTable, now: float, entering: frozenset[str] = frozenset()) -> None:
        """Close what is forbidden from now on, record thresholds for what is new. A consumer that closes
        takes back what the kernel has not got yet, so when this returns nothing of a forbidden pair is left
        to be sent. `entering`: listeners who come into a room that is otherwise as it was; they count as such
        only when it has been so for a while, as what was said to somebody else may still be under way."""
        if table.revision < self.table.revision:
            raise WorkerError("stale_revision", f"the table has revision {self.table.revision} already")
        before, self.table = self.table, table
        settled = now - self._turned_at >= SETTLED
        if not entering:
            self._turned_at = now
        for consumer in list(self.consumers.values()):
            producer = consumer.producer
            if not table.allows(consumer.transport.owner, producer.owner, producer.source):
                consumer.close("forbidden")
        for producer in self.producers.values():
            self._record_thresholds(producer, before, now, entering if settled else frozenset())

    def _record_thresholds(
        self, producer: Producer, before: PermissionTable, now: float, entering: frozenset[str]
    ) -> None:
        for listener in self.table.allow.keys() | before.allow.keys():
            pair = listener, producer.id
            if not self.table.allows(listener, producer.owner, producer.source):
                self._thresholds.pop(pair, None)
            elif not before.allows(listener, producer.owner, producer.source):
                self._thresholds[pair] = Threshold.record(
                    producer.present_streams, producer.transport.rtt, now, enters=listener in entering
                )

    def forbid_everything(self, now: float) -> None:
        self.set_table(self.table.without_permissions(), now)

    def close_owner(self, owner: str) -> None:
        for transport in [each for each in self.transports.values() if each.owner == owner]:
            transport.close()

    def see_to(self, transport: Transport, now: float) -> bool:
        """The periodic work for one; whether it wants it again soon. A fault costs this transport only."""
        try:
            return transport.tick(now)
        except Exception:
            log.exception("transport %s met a fault and is closed", transport.id)
            transport.close()
            return False

    def tell_speakers(self, now: float) -> None:
        speaking = self.speakers.poll(now)
        if speaking:
            self.speaker = speaking[0].owner
        if speaking is not None:
            levels = [
                {"owner": each.owner, "producer": each.producer, "level": each.level} for each in speaking
            ]
            self.emit("speakers", {"room": self.id, "levels": levels})

    def strain(self) -> int:
        return self._strain()

    def interprets(self, owner: str) -> bool:
        """Whether the owner sends an interpreter's voice."""
        return any(
            each.owner == owner and each.source == "interpretation" for each in self.producers.values()
        )

    def forget_transport(self, transport: Transport) -> None:
        self.transports.pop(transport.id, None)
        if not any(each.owner == transport.owner for each in self.transports.values()):
            self._cnames.pop(transport.owner, None)

    def forget_producer(self, producer: Producer) -> None:
        self.producers.pop(producer.id, None)
        self.speakers.forget(producer.id)
        for pair in [pair for pair in self._thresholds if pair[1] == producer.id]:
            del self._thresholds[pair]

    def forget_consumer(self, consumer: Consumer) -> None:
        self.consumers.pop(consumer.id, None)

    def close(self) -> None:
        """Irreversible, idempotent; closes every transport."""
        if self.closed:
            return
        self.closed = True
        for transport in list(self.transports.values()):
            transport.close()


def _free_ssrcs(transport: Transport) -> tuple[int, int]:
    """Two that nothing on the transport has: for packets, and for the same sent again."""
    taken = {transport.local_ssrc, *transport.consumers}
    taken |= {each.rtx.ssrc for each in transport.consumers.values() if each.rtx is not None}
    while True:
        ssrc, other = secrets.randbits(31) | 1, secrets.randbits(31) | 1
        if ssrc != other and not {ssrc, other} & taken:
            return ssrc, other
