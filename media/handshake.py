"""The DTLS handshake (RFC 5764), done by aiortc 1.16.0. The only file that touches its private parts.

Only DTLS datagrams reach aiortc; SRTP goes past its packet path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from aiortc import rtcdtlstransport as _aiortc

from media.srtp import Inbound, Outbound

_QUEUE = 32
HEADER = 13
"""Bytes of a record before what it carries."""

Remote: TypeAlias = _aiortc.RTCDtlsParameters
"""By which the peer is known."""


class Certificate:
    """A self-signed certificate; a worker makes one and uses it for all its transports."""

    def __init__(self) -> None:
        self.private = _aiortc.RTCCertificate.generateCertificate()

    def parameters(self, role: str = "auto") -> dict[str, Any]:
        """mediasoup's DtlsParameters."""
        fingerprints = [
            {"algorithm": entry.algorithm, "value": entry.value} for entry in self.private.getFingerprints()
        ]
        return {"role": role, "fingerprints": fingerprints}


def checked_parameters(parameters: Mapping[str, Any]) -> tuple[str, Remote]:
    """Our role and the peer's fingerprints; `ValueError` when there is nothing to check the peer by."""
    remote_role = parameters.get("role", "auto")
    if remote_role not in ("auto", "client", "server"):
        raise ValueError("dtlsParameters.role must be auto, client or server")
    entries = parameters.get("fingerprints")
    if not isinstance(entries, list) or not 0 < len(entries) <= 8:
        raise ValueError("dtlsParameters.fingerprints must hold one to eight entries")
    fingerprints = [_fingerprint(entry) for entry in entries]
    if not any(entry.algorithm.lower() in _aiortc.X509_DIGEST_ALGORITHMS for entry in fingerprints):
        raise ValueError("dtlsParameters.fingerprints: sha-256, sha-384 or sha-512 is needed")
    role = "client" if remote_role == "server" else "server"
    return role, Remote(fingerprints=fingerprints)


def _fingerprint(entry: object) -> _aiortc.RTCDtlsFingerprint:
    match entry:
        case {"algorithm": str(algorithm), "value": str(value)}:
            return _aiortc.RTCDtlsFingerprint(algorithm=algorithm, value=value)
    raise ValueError("a fingerprint is {algorithm, value}")


class Feed:
    """Stands in for aiortc's RTCIceTransport, of which it uses `role`, `_recv` and `_send`."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], object], clock: Callable[[], float]) -> None:
        self._datagram_out = send
        self._clock = clock
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        self._flight_sent: float | None = None
        self._asked = self._answer = b""
        self.rtt: float | None = None

    def begin(self) -> None:
        """What has been answered before is another connection's."""
        self._asked = self._answer = b""

    def put(self, data: bytes, now: float) -> bool:
        if self._answer and data[HEADER:] == self._asked:
            # OpenSSL says nothing to a hello that it has seen, until its own timer fires: after a second at
            # the soonest, where a browser asks again after 50 ms.
            self._datagram_out(self._answer)
            return True
        if self._flight_sent is not None:
            taken = max(0.0, now - self._flight_sent)
            self.rtt = taken if self.rtt is None else min(self.rtt, taken)
            self._flight_sent = None
        try:
            self._waiting.put_nowait(data)
        except asyncio.QueueFull:
            return False
        return True

    async def _recv(self) -> bytes:
        data = await self._waiting.get()
        self._asked, self._answer = data[HEADER:], b""
        return data

    async def _send(self, data: bytes) -> None:
        self._flight_sent = self._clock()
        self._answer = data
        self._datagram_out(data)


class Connection(_aiortc.RTCDtlsTransport):  # type: ignore[misc]
    """One try, with SRTP sessions that refuse to protect one sequence number twice.

    Under GCM a repeated index with other bytes would give the keystream away. `stranger`: the peer is not who
    it should be. `changed` is called when `connected` or `closed` has.
    """

    def __init__(
        self, feed: Feed, certificate: Certificate, role: str, changed: Callable[[Connection], None]
    ) -> None:
        super().__init__(feed, [certificate.private])
        self.stranger = False
        self._set_role(role)
        self.on("statechange", lambda: changed(self))

    @property
    def connected(self) -> bool:
        return self._state is _aiortc.State.CONNECTED

    @property
    def closed(self) -> bool:
        return self._state is _aiortc.State.CLOSED

    @property
    def sessions(self) -> tuple[Inbound, Outbound]:
        return self._rx_srtp, self._tx_srtp

    def stop_now(self) -> None:
        """Run aiortc's `stop` to its end at once: with our sender it never waits.

        Its listener refers back to the connection: without it OpenSSL's and libsrtp's memory, with the keys,
        is freed at once, and not when Python looks for cycles, minutes later.
        """
        self.remove_all_listeners()
        stopping = self.stop()
        try:
            stopping.send(None)
        except StopIteration:
            return
        stopping.close()

    def _validate_peer_identity(self, remoteParameters: Remote) -> None:
        super()._validate_peer_identity(remoteParameters)
        self.stranger = self._state is _aiortc.State.FAILED

    def _setup_srtp(self) -> None:
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((known for known in self._srtp_profiles if known.openssl_profile == chosen), None)
        if profile is None:
            self._set_state(_aiortc.State.FAILED)
            return
        material = self._ssl.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length)
        )
        ours = 1 if self._role == "server" else 0
        self._tx_srtp = Outbound(profile.libsrtp_profile, profile.get_key_and_salt(material, ours))
        self._rx_srtp = Inbound(profile.libsrtp_profile, profile.get_key_and_salt(material, 1 - ours))
