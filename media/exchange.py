"""The rooms of one worker, addressed by id: every method of the control protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from media.consumer import Consumer
from media.errors import WorkerError
from media.handshake import Certificate
from media.memory import GiveBack
from media.ortc import (
    OrtcError,
    assumed_capabilities,
    producer_shape,
    router_capabilities,
    validate_capabilities,
)
from media.port import Port
from media.producer import Producer
from media.router import Emit, Router
from media.stats import WorkerStats
from media.strain import Strain
from media.table import PermissionTable, read_names
from media.transport import Transport, TransportState

Params = Mapping[str, Any]
Owned = TypeVar("Owned", Transport, Producer, Consumer)
MAX_NAME = 200
ROUND, HURRIED_ROUND = 0.05, 0.025
"""Seconds in which all of the periodic work is done once; the shorter while something is missing, or while a
line is being tried out."""
AT_ONCE, MOST_PARTS = 16, 5
"""Transports that are seen to in one go, and into how many parts the periodic work is cut: packets wait for
each of them."""


class Exchange:
    """`call` carries out one request at once; nothing in here waits."""

    def __init__(self, port: Port, emit: Emit, clock: Callable[[], float] = time.monotonic) -> None:
        self.port = port
        self.routers: dict[str, Router] = {}
        self.capabilities = router_capabilities()
        self._device = assumed_capabilities()
        self._certificate = Certificate()
        self._emit = emit
        self._clock = clock
        self._memory = GiveBack()
        self.pause = ROUND
        """Seconds until the next part of the periodic work."""
        self._hurries = False
        self._waiting: list[Transport] = []
        self._share = AT_ONCE
        self._strain = Strain()
        self._methods: dict[str, Callable[[Params], dict[str, Any]]] = {
            "createTransport": self._create_transport,
            "connectTransport": self._connect_transport,
            "restartIce": self._restart_ice,
            "closeTransport": self._close_transport,
            "produce": self._produce,
            "pauseProducer": self._pause_producer,
            "resumeProducer": self._resume_producer,
            "closeProducer": self._close_producer,
            "consume": self._consume,
            "pauseConsumer": self._pause_consumer,
            "resumeConsumer": self._resume_consumer,
            "requestKeyframe": self._request_keyframe,
            "closeConsumer": self._close_consumer,
            "setPreferredLayers": self._set_preferred_layers,
            "setTable": self._set_table,
            "closeOwner": self._close_owner,
            "closeRoom": self._close_room,
            "stats": self._stats,
            "ping": lambda _: {},
        }

    @property
    def idle(self) -> bool:
        """Nobody has a transport."""
        return not any(router.transports for router in self.routers.values())

    def call(self, method: str, params: Params) -> dict[str, Any]:
        """The result, or `WorkerError`."""
        handler = self._methods.get(method)
        if handler is None:
            raise WorkerError("unknown_method", f"there is no method {method[:MAX_NAME]!r}")
        return handler(params)

    def tick(self, now: float) -> None:
        """One part of the periodic work; it goes on with the next part."""
        if not self._waiting:
            self._begin_round(now)
        part, self._waiting = self._waiting[: self._share], self._waiting[self._share :]
        for transport in part:
            self._hurries = transport.router.see_to(transport, now) or self._hurries

    def _begin_round(self, now: float) -> None:
        self._waiting = [each for router in self.routers.values() for each in router.transports.values()]
        self._share = max(AT_ONCE, -(-len(self._waiting) // MOST_PARTS))
        parts = max(1, -(-len(self._waiting) // self._share))
        self.pause = (HURRIED_ROUND if self._hurries else ROUND) / parts
        self._hurries = False
        self._memory.tick(now)
        if self._strain.due(now):
            self._strain.read(time.process_time(), now)
        for router in self.routers.values():
            router.tell_speakers(now)

    def _level(self) -> int:
        return self._strain.level

    def _tell(self, name: str, data: dict[str, Any]) -> None:
        """However a transport has come to its end, what it held is given back."""
        if data.get("state") == TransportState.CLOSED.value:
            self._memory.soon()
        self._emit(name, data)

    def forbid_everything(self) -> None:
        for router in self.routers.values():
            router.forbid_everything(self._clock())

    def close(self) -> None:
        for router in self.routers.values():
            router.close()
        self.routers.clear()

    # transports

    def _create_transport(self, params: Params) -> dict[str, Any]:
        id_ = self._new_id(params, "transport", [router.transports for router in self.routers.values()])
        direction = _name(params, "direction")
        if direction not in ("send", "recv"):
            raise WorkerError("invalid_parameters", "direction must be send or recv")
        device = self._device
        if params.get("rtpCapabilities") is not None:
            try:
                device = validate_capabilities(params["rtpCapabilities"])
            except OrtcError as error:
                raise WorkerError("invalid_parameters", str(error)) from error
        router = self._router(_name(params, "room"))
        return router.create_transport(id_, _name(params, "owner"), direction, device).description()

    def _connect_transport(self, params: Params) -> dict[str, Any]:
        parameters = params.get("dtlsParameters")
        if not isinstance(parameters, dict):
            raise WorkerError("invalid_parameters", "dtlsParameters must be an object")
        self._transport(params).connect(parameters)
        return {}

    def _restart_ice(self, params: Params) -> dict[str, Any]:
        return self._transport(params).restart_ice()

    def _close_transport(self, params: Params) -> dict[str, Any]:
        self._transport(params).close()
        return {}

    # producers

    def _produce(self, params: Params) -> dict[str, Any]:
        transport = self._transport(params)
        id_ = self._new_id(params, "producer", [router.producers for router in self.routers.values()])
        parameters = params.get("rtpParameters")
        if not isinstance(parameters, dict):
            raise WorkerError("invalid_parameters", "rtpParameters must be an object")
        transport.router.produce(transport, id_, _name(params, "kind"), _name(params, "source"), parameters)
        return {}

    def _pause_producer(self, params: Params) -> dict[str, Any]:
        self._producer(params).pause()
        return {}

    def _resume_producer(self, params: Params) -> dict[str, Any]:
        self._producer(params).resume(self._clock())
        return {}

    def _close_producer(self, params: Params) -> dict[str, Any]:
        self._producer(params).close()
        return {}

    # consumers

    def _consume(self, params: Params) -> dict[str, Any]:
        transport = self._transport(params)
        id_ = self._new_id(params, "consumer", [router.consumers for router in self.routers.values()])
        producer = _find("producer", _name(params, "producer"), [transport.router.producers])
        consumer = transport.router.consume(id_, transport, producer)
        return {"kind": producer.kind, "rtpParameters": consumer.parameters}

    def _pause_consumer(self, params: Params) -> dict[str, Any]:
        self._consumer(params).pause()
        return {}

    def _resume_consumer(self, params: Params) -> dict[str, Any]:
        self._consumer(params).resume(self._clock())
        return {}

    def _request_keyframe(self, params: Params) -> dict[str, Any]:
        self._consumer(params).keyframe_asked(self._clock())
        return {}

    def _close_consumer(self, params: Params) -> dict[str, Any]:
        self._consumer(params).close()
        return {}

    def _set_preferred_layers(self, params: Params) -> dict[str, Any]:
        temporal = None if params.get("temporal") is None else _layer(params, "temporal")
        first = params.get("first", False)
        if not isinstance(first, bool):
            raise WorkerError("invalid_parameters", "first must be true or false")
        self._consumer(params).prefer(_layer(params, "spatial"), temporal, self._clock(), first=first)
        return {}

    # rooms

    def _set_table(self, params: Params) -> dict[str, Any]:
        try:
            table = PermissionTable.parse(params.get("revision"), params.get("allow"))
            entering = read_names(params.get("entering", ()))
        except ValueError as error:
            raise WorkerError("invalid_parameters", str(error)) from error
        self._router(_name(params, "room")).set_table(table, self._clock(), entering)
        return {"revision": table.revision}

    def _close_owner(self, params: Params) -> dict[str, Any]:
        router = self.routers.get(_name(params, "room"))
        if router is not None:
            router.close_owner(_name(params, "owner"))
        return {}

    def _close_room(self, params: Params) -> dict[str, Any]:
        router = self.routers.pop(_name(params, "room"), None)
        if router is not None:
            router.close()
        return {}

    def _stats(self, params: Params) -> dict[str, Any]:
        room = params.get("room")
        routers = [router for router in self.routers.values() if room is None or router.id == room]
        now = self._clock()
        found = WorkerStats(
            port=self.port.traffic,
            transports=tuple(each.stats() for router in routers for each in router.transports.values()),
            producers=tuple(each.stats(now) for router in routers for each in router.producers.values()),
            consumers=tuple(each.stats(now) for router in routers for each in router.consumers.values()),
        )
        told = found.to_dict()
        told["port"]["faults"] = self.port.faults
        return told

    def dump(self) -> dict[str, Any]:
        """Everything that a new controller must know to go on with the meetings."""
        all_ = list(self.routers.values())
        return {
            "rooms": [
                {"id": each.id, "revision": each.table.revision, "allow": each.table.to_json()}
                for each in all_
            ],
            "transports": [_transport_dump(each) for router in all_ for each in router.transports.values()],
            "producers": [_producer_dump(each) for router in all_ for each in router.producers.values()],
            "consumers": [_consumer_dump(each) for router in all_ for each in router.consumers.values()],
        }

    # finding

    def _router(self, id_: str) -> Router:
        router = self.routers.get(id_)
        if router is None:
            router = Router(id_, self.port, self._certificate, self._tell, self._clock, self._level)
            self.routers[id_] = router
        return router

    def _transport(self, params: Params) -> Transport:
        known = [router.transports for router in self.routers.values()]
        return _find("transport", _name(params, "transport"), known)

    def _producer(self, params: Params) -> Producer:
        known = [router.producers for router in self.routers.values()]
        return _find("producer", _name(params, "producer"), known)

    def _consumer(self, params: Params) -> Consumer:
        known = [router.consumers for router in self.routers.values()]
        return _find("consumer", _name(params, "consumer"), known)

    @staticmethod
    def _new_id(params: Params, what: str, known: list[dict[str, Owned]]) -> str:
        id_ = _name(params, what)
        if any(id_ in each for each in known):
            raise WorkerError("duplicate_id", f"{what} {id_} exists")
        return id_


def _find(what: str, id_: str, known: list[dict[str, Owned]]) -> Owned:
    for each in known:
        if id_ in each:
            return each[id_]
    raise WorkerError(f"unknown_{what}", f"there is no {what} {id_}")


def _name(params: Params, key: str) -> str:
    value = params.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        raise WorkerError("invalid_parameters", f"{key} must be a name of 1 to {MAX_NAME} characters")
    return value


def _layer(params: Params, key: str) -> int:
    value = params.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise WorkerError("invalid_parameters", f"{key} must be a whole number from 0")
    return value


def _transport_dump(transport: Transport) -> dict[str, Any]:
    return {
        "id": transport.id,
        "room": transport.router.id,
        "owner": transport.owner,
        "direction": transport.direction,
        "state": transport.state.value,
        "iceParameters": transport.ice.parameters(),
        "iceSelected": transport.ice.selected is not None,
        "dtlsState": transport.dtls.state.value,
    }


def _producer_dump(producer: Producer) -> dict[str, Any]:
    return {
        "id": producer.id,
        "room": producer.transport.router.id,
        "transport": producer.transport.id,
        "owner": producer.owner,
        "kind": producer.kind,
        "source": producer.source,
        "paused": producer.paused,
        "layers": sorted(producer.demand.asked),
        "rtpParameters": producer_shape(producer.parameters),
        "ssrcs": producer.transport.ssrcs_of(producer),
    }


def _consumer_dump(consumer: Consumer) -> dict[str, Any]:
    return {
        "id": consumer.id,
        "room": consumer.transport.router.id,
        "transport": consumer.transport.id,
        "listener": consumer.transport.owner,
        "producer": consumer.producer.id,
        "kind": consumer.producer.kind,
        "paused": consumer.paused,
        "rtpParameters": consumer.parameters,
    }
