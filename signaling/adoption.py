"""Media workers have gone on while signaling was away: what they hold is taken up again, or closed."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from media.errors import WorkerError
from rooms.store.base import StoreUnavailable
from signaling.dump import RoomDump
from signaling.errors import ServiceUnavailable
from signaling.exchange import Holder, session_of
from signaling.live import Live
from signaling.session import Sessions
from signaling.worker import Worker
from signaling.workers import Found


async def adopt(
    found: Sequence[Found], lives: Mapping[str, Live], sessions: Sessions, *, server_mix: bool
) -> None:
    """First of all the workers forbid what is not allowed any more. A room that two of them hold is taken
    from the one in which more is connected. Raises `ServiceUnavailable`."""
    everywhere = [(worker, worker.generation, room) for worker, rooms in found for room in rooms]
    known: dict[str, tuple[Worker, int, RoomDump]] = {}
    for worker, generation, room in sorted(everywhere, key=lambda each: len(each[2].transports)):
        known[room.id] = (worker, generation, room)
    kept = [(lives[id_], *there) for id_, there in known.items() if id_ in lives]
    places = {(worker, room.id) for _, worker, _, room in kept}
    strangers = [(worker, room) for worker, _, room in everywhere if (worker, room.id) not in places]
    await asyncio.gather(
        *(live.adopt_table(worker, room) for live, worker, _, room in kept),
        *(_close_room(worker, room.id) for worker, room in strangers),
    )
    for live, _, generation, room in kept:
        await live.adopt_devices(room, await _holders(room, sessions, server_mix), generation)
    others = lives.keys() - {live.id for live, *_ in kept}
    await asyncio.gather(*(lives[id_].drop_media() for id_ in others))


async def _close_room(worker: Worker, room: str) -> None:
    with contextlib.suppress(WorkerError, ServiceUnavailable):
        await worker.call(lambda client: client.close_room(room))


async def _holders(room: RoomDump, sessions: Sessions, server_mix: bool) -> dict[str, Holder]:
    """Whose the sessions are to which the room's transports belong."""
    known: dict[str, Holder] = {}
    for session in {session_of(transport["id"]) for transport in room.transports}:
        try:
            holder = await sessions.holder(session, room.id)
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", str(error)) from error
        if holder is not None:
            participant, slot, mixes = holder
            known[session] = Holder(participant, slot, mixes or not server_mix)
    return known
