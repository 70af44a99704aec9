"""The far end for tests of clients: one ICE-lite, DTLS-server transport on the worker's own parts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from config.media import Listen
from media.dtls import DtlsEndpoint, DtlsState
from media.handshake import Certificate
from media.ice import IceSession
from media.port import Port


class Eventually:
    """A change that can be waited for: `changed()` wakes everybody whose predicate may hold now."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def changed(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def until(self, predicate: Callable[[], object], deadline: float = 5.0, what: str = "") -> None:
        """Return once `predicate()` is true; `AssertionError` after `deadline` seconds."""
        try:
            async with asyncio.timeout(deadline):
                while not predicate():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiting.add(waiter)
                    await waiter
        except TimeoutError:
            raise AssertionError(f"not within {deadline} s: {what or predicate}") from None


class LiteServer:
    """One transport on a port of its own; keeps what it received."""

    def __init__(self) -> None:
        self.port = Port((Listen("127.0.0.1"),), 0)
        self.certificate = Certificate()
        self.ice: IceSession = self.port.agent.open(self)
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.states: list[DtlsState] = []
        self.event = Eventually()
        self.dtls = DtlsEndpoint(
            self.certificate,
            self._send,
            on_state=lambda state: self._note(self.states, state),
            on_rtp=lambda packet, _: self._note(self.rtp, packet),
            on_rtcp=lambda packet, _: self._note(self.rtcp, packet),
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """mediasoup's transport parameters, as `media.createTransport` answers them."""
        return {
            "iceParameters": self.ice.parameters(),
            "iceCandidates": self.port.candidates(),
            "dtlsParameters": self.certificate.parameters(),
        }

    def connect(self, dtls_parameters: dict[str, Any]) -> None:
        self.dtls.start(dtls_parameters)

    def restart_ice(self) -> dict[str, Any]:
        self.port.agent.restart(self.ice)
        return self.ice.parameters()

    def receive_dtls(self, data: bytes, now: float) -> None:
        self.dtls.receive_dtls(data, now)

    def receive_srtp(self, datagrams: Sequence[bytes], now: float) -> None:
        for each in datagrams:
            self.dtls.receive_srtp(each, now)

    def path_changed(self, now: float) -> None:
        self.event.changed()

    def _send(self, datagram: bytes) -> bool:
        return self.ice.selected is not None and self.port.send(datagram, self.ice.selected)

    def _note(self, log: list[Any], entry: Any) -> None:
        log.append(entry)
        self.event.changed()


@asynccontextmanager
async def lite_server() -> AsyncIterator[LiteServer]:
    server = LiteServer()
    server.port.start()
    try:
        yield server
    finally:
        server.dtls.close()
        server.port.close()
