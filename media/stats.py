"""What is counted, and the shapes in which it is told (plain JSON values)."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Drop(StrEnum):
    """Why a datagram or packet went no further."""

    EMPTY = "empty"
    UNKNOWN_ADDRESS = "unknown_address"
    UNKNOWN_FIRST_BYTE = "unknown_first_byte"
    MALFORMED_STUN = "malformed_stun"
    UNAUTHENTICATED_STUN = "unauthenticated_stun"
    MALFORMED_DTLS = "malformed_dtls"
    NOT_CONNECTED = "not_connected"
    SRTP = "srtp"
    MALFORMED_RTP = "malformed_rtp"
    MALFORMED_RTCP = "malformed_rtcp"
    UNKNOWN_SSRC = "unknown_ssrc"
    UNKNOWN_PAYLOAD_TYPE = "unknown_payload_type"
    OUT_OF_SEQUENCE = "out_of_sequence"
    EMPTY_PAYLOAD = "empty_payload"
    PAUSED = "paused"
    FORBIDDEN = "forbidden"
    BELOW_THRESHOLD = "below_threshold"
    AWAITING_KEYFRAME = "awaiting_keyframe"
    TOO_LARGE = "too_large"
    QUEUE_FULL = "queue_full"
    NOT_ASKED = "not_asked"
    """A retransmission that we did not ask for, or got before."""
    NACK_STRANGER = "nack_stranger"
    """A NACK for an SSRC that is not a flowing consumer of this transport."""
    NACK_GONE = "nack_gone"
    """A packet asked for that is not kept (any longer), or was never this listener's."""
    NACK_LIMIT = "nack_limit"
    """A packet asked for twice within a round trip, or beyond what may be sent again."""
    FEEDBACK_LIMIT = "feedback_limit"
    SEND_FAILED = "send_failed"


@dataclass(slots=True)
class Traffic:
    """Packets and bytes in both directions, and drops by reason. A `size` is of all `packets` together."""

    packets_in: int = 0
    bytes_in: int = 0
    packets_out: int = 0
    bytes_out: int = 0
    drops: Counter[Drop] = field(default_factory=Counter)

    def received(self, size: int, packets: int = 1) -> None:
        self.packets_in += packets
        self.bytes_in += size

    def sent(self, size: int, packets: int = 1) -> None:
        self.packets_out += packets
        self.bytes_out += size

    def drop(self, reason: Drop, packets: int = 1) -> None:
        self.drops[reason] += packets

    def to_dict(self) -> dict[str, Any]:
        return {
            "packets_in": self.packets_in,
            "bytes_in": self.bytes_in,
            "packets_out": self.packets_out,
            "bytes_out": self.bytes_out,
            "drops": {reason.value: count for reason, count in sorted(self.drops.items())},
        }


@dataclass(frozen=True, slots=True)
class TransportStats:
    """`rtt` in seconds, `None` until measured."""

    id: str
    owner: str
    direction: str
    state: str
    traffic: Traffic
    rtt: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "owner": self.owner,
            "direction": self.direction,
            "state": self.state,
            "rtt": self.rtt,
            **self.traffic.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class ProducerStats:
    """`jitter` in seconds, `level` 0–1, `highest_timestamp` as on the wire (32 bits).

    `lost` is what the path lost; `recovered` of them came when asked for.
    """

    id: str
    owner: str
    source: str
    kind: str
    packets: int
    bytes: int
    lost: int
    jitter: float
    level: float | None
    highest_timestamp: int | None
    paused: bool
    recovered: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ConsumerStats:
    """`threshold` and `first_timestamp` are the source's RTP timestamps as on the wire (32 bits).

    `spatial` is the layer that plays, `temporal` the highest that passes, None for all; `spatial_layers` and
    `temporal_layers` how many of them its source has, 0 of sound. `redundant`: packets of sound that carried
    earlier frames as well.
    """

    id: str
    transport: str
    listener: str
    producer: str
    owner: str
    source: str
    packets: int
    bytes: int
    threshold: int | None
    first_timestamp: int | None
    paused: bool
    resent: int = 0
    spatial: int | None = None
    temporal: int | None = None
    spatial_layers: int = 0
    temporal_layers: int = 0
    redundant: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class WorkerStats:
    port: Traffic
    transports: tuple[TransportStats, ...] = ()
    producers: tuple[ProducerStats, ...] = ()
    consumers: tuple[ConsumerStats, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "port": self.port.to_dict(),
            "transports": [transport.to_dict() for transport in self.transports],
            "producers": [producer.to_dict() for producer in self.producers],
            "consumers": [consumer.to_dict() for consumer in self.consumers],
        }
