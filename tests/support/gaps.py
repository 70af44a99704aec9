"""How long a listener waited for a packet longer than its sender did: on a busy machine senders pause too."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.support.raw_client import Published, RawClient, RtpArrival


@dataclass(frozen=True)
class Gap:
    """Seconds. `more`: beyond the sender's own; `longest`: all of it. `lost`: packets that never came."""

    more: float
    longest: float
    lost: int


def note_what_is_sent(client: RawClient) -> dict[int, int]:
    """RTP timestamp → when it was sent (nanoseconds), of everything from now on."""
    sent: dict[int, int] = {}
    send = client.send

    def noted(published: Published, payload: bytes, media_time: float, **more: object) -> None:
        sent[published.stream.timestamp(media_time)] = time.time_ns()
        send(published, payload, media_time, **more)  # type: ignore[arg-type]

    client.send = noted  # type: ignore[method-assign]
    return sent


def gap(sent: Mapping[int, int], arrived: Sequence[RtpArrival]) -> Gap:
    """Among the packets that have been noted."""
    packets = [each for each in arrived if each.timestamp in sent]
    pairs = list(pairwise(packets))
    waited = [(b.at - a.at, sent[b.timestamp] - sent[a.timestamp]) for a, b in pairs]
    return Gap(
        max(there - here for there, here in waited) / 1e9,
        max(there for there, _ in waited) / 1e9,
        sum((b.sequence - a.sequence) % 65536 - 1 for a, b in pairs),
    )
