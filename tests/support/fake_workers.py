"""Stands in for `signaling.workers.Workers` where a test is not about media: acknowledges and remembers."""

from collections.abc import Awaitable, Callable
from typing import Any

from media.errors import WorkerError
from media.ortc import router_capabilities
from rooms.policy import Audience


class FakeClient:
    """Answers like a worker; `tables` holds every table that was set, in order."""

    def __init__(self) -> None:
        self.tables: list[tuple[str, int, Audience]] = []
        self.transports: dict[str, str] = {}
        self.producers: dict[str, tuple[str, str]] = {}
        self.consumers: dict[str, str] = {}

    async def create_transport(self, *, room: str, owner: str, transport: str, **_: Any) -> dict[str, Any]:
        self.transports[transport] = owner
        return {"id": transport, "iceParameters": {}, "iceCandidates": [], "dtlsParameters": {}}

    async def connect_transport(self, transport: str, dtls_parameters: dict[str, Any]) -> None:
        self._known(transport)

    async def restart_ice(self, transport: str) -> dict[str, Any]:
        self._known(transport)
        return {"usernameFragment": "u", "password": "p", "iceLite": True}

    async def close_transport(self, transport: str) -> None:
        self._known(transport)
        del self.transports[transport]

    async def produce(self, *, transport: str, producer: str, kind: str, **_: Any) -> None:
        self._known(transport)
        self.producers[producer] = (transport, kind)

    async def close_producer(self, producer: str) -> None:
        self.producers.pop(producer, None)

    async def consume(self, *, consumer: str, transport: str, producer: str) -> dict[str, Any]:
        self._known(transport)
        self.consumers[consumer] = producer
        return {"kind": self.producers[producer][1], "rtpParameters": {}}

    async def pause_producer(self, producer: str) -> None:
        pass

    async def resume_producer(self, producer: str) -> None:
        pass

    async def pause_consumer(self, consumer: str) -> None:
        pass

    async def set_preferred_layers(
        self, consumer: str, spatial: int, temporal: int | None = None, *, first: bool = False
    ) -> None:
        pass

    async def resume_consumer(self, consumer: str) -> None:
        pass

    async def request_keyframe(self, consumer: str) -> None:
        pass

    async def close_consumer(self, consumer: str) -> None:
        self.consumers.pop(consumer, None)

    async def stats(self, room: str | None = None) -> dict[str, Any]:
        return {"transports": [], "producers": [], "consumers": []}

    async def close_room(self, room: str) -> None:
        pass

    def _known(self, transport: str) -> None:
        if transport not in self.transports:
            raise WorkerError("unknown_transport", "there is no such transport")


class FakeWorkers:
    running = True
    pid = None
    generation = 1

    def __init__(self) -> None:
        self.client = FakeClient()
        self.listener: Any = None
        self.rooms: set[str] = set()

    def place(self) -> "FakeWorkers":
        return self

    @property
    def router_capabilities(self) -> dict[str, Any]:
        return dict(router_capabilities())

    async def start(self, listener: Any) -> list[Any]:
        self.listener = listener
        return []

    async def close(self) -> None:
        pass

    async def set_table(
        self, room: str, revision: int, table: Audience, entering: frozenset[str] = frozenset()
    ) -> None:
        self.client.tables.append((room, revision, table))

    async def call(self, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        return await ask(self.client)
