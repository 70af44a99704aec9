"""UDP sockets, with one system call for many datagrams (Linux: recvmmsg, sendmmsg, UDP GSO) or one for each.

Both kinds look alike. `receive` gives what has come, neighbours of one sender together. What goes out often
is written into the arena, protected there, and put into the lane of its destination; with batches it waits
there until `flush`, which comes at the end of the same turn of the event loop. What the kernel does not take
then is dropped. What is rare (STUN, DTLS) is sent at once.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from media.block import MOST_BYTES, MOST_SEGMENTS, Piece, cut
from media.srtp import MAX_DATAGRAM, SLOT, Arena
from media.stats import Drop, Traffic

Address = tuple[Any, ...]
Path = tuple[int, Address]
Received = tuple[Path, Sequence[bytes]]
"""Datagrams that came from one place, one after the other."""
Waiting = tuple[int, int, int, int, object]
"""A piece: where it lies for the kernel, the size of its first datagram and of all of them, how many they
are, and what they are of."""

BATCH = 64
"""Datagrams that are read in one turn at most."""
RUN = 16
"""Of one sender that are handed on together at most: what comes of them is sent before more is taken."""
ENOUGH = 64
"""Packets that wait, from which on they go before the end of a turn: a full turn takes several milliseconds.
The memory that they were written into then is still at hand for what follows."""
QUEUED = ENOUGH + BATCH
"""Packets that wait at most."""
_SOL_UDP, _UDP_SEGMENT = 17, 103
_DONT_WAIT = 0x40
_NO_SEGMENTS = (errno.EINVAL, errno.EMSGSIZE, errno.EIO, errno.EOPNOTSUPP)
_FULL = (errno.EAGAIN, errno.ENOBUFS)

_IOVEC = struct.Struct("@PN")
_MESSAGE = struct.Struct("@PIPNPNi0PI0P")
"""struct mmsghdr: name, its length, iovecs, how many, control, its length, flags, length of the message."""
_pack_iovec, _pack_message = _IOVEC.pack_into, _MESSAGE.pack_into
_LENGTH_AT = struct.calcsize("@PIPNPNi0P")
_SEGMENT = struct.Struct("@NiiH0N")
_pack_segment = _SEGMENT.pack_into
_SEGMENT_LENGTH = struct.calcsize("@NiiH")
_IPV4, _IPV6 = struct.Struct("!H4s8x"), struct.Struct("!HI16s")


class Lane(Protocol):
    """One destination's way out. It counts in its traffic what the kernel took, and what not."""

    @property
    def arena(self) -> Arena: ...

    def room(self, size: int) -> int:
        """Where in the arena this many bytes may be written, to be put next. At most `BATCH` packets."""

    def put(self, at: int, pieces: Sequence[Piece], of: object) -> None:
        """Send what lies in the arena from `at` on."""

    def send(self, datagram: bytes, of: object = None) -> bool:
        """The same for a datagram that lies elsewhere; False when it is known that it is lost."""


class UdpSocket(Protocol):
    def fileno(self) -> int: ...
    def receive(self) -> Iterable[Received]: ...
    def lane(self, address: Address, traffic: Traffic) -> Lane: ...
    def send(self, datagram: bytes, address: Address) -> bool: ...
    def withdraw(self, of: object) -> None:
        """Nothing that waits and is of this is sent."""

    def flush(self) -> None: ...
    def close(self) -> None: ...


def missing() -> str | None:
    """Why there are no batches on this system, `None` when there are."""
    if sys.platform != "linux":
        return f"{sys.platform} has no recvmmsg and sendmmsg"
    library = ctypes.CDLL(None)
    if not hasattr(library, "recvmmsg") or not hasattr(library, "sendmmsg"):
        return "the C library has no recvmmsg and sendmmsg"
    return None


def cuts_up(opened: socket.socket) -> bool:
    """Whether the kernel cuts one long buffer into datagrams (UDP GSO, Linux 4.18)."""
    try:
        opened.getsockopt(_SOL_UDP, _UDP_SEGMENT)
    except OSError:
        return False
    return True


def ways(*, batched: bool) -> str:
    """How a port will read and write, and why not better; for people."""
    why = "the settings say so" if not batched else missing()
    if why is not None:
        return f"a system call for each ({why})"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        cut = "the kernel cuts them up" if cuts_up(probe) else "the kernel does not cut them up"
    return f"many in a system call, {cut}"


def wrapped(
    opened: socket.socket, index: int, traffic: Traffic, schedule: Callable[[], None], *, batched: bool
) -> UdpSocket:
    """`schedule` is called when the first packet of a turn waits; `flush` is to follow."""
    if batched and missing() is None:
        return BatchedSocket(opened, index, traffic, schedule)
    return PlainSocket(opened, index, traffic)


def together(datagrams: Iterable[tuple[bytes, Path]]) -> Iterator[Received]:
    """Neighbours of one sender."""
    for path, found in groupby(datagrams, key=itemgetter(1)):
        yield path, [datagram for datagram, _ in found]


class PlainSocket:
    """Every datagram is a call of its own; nothing waits."""

    def __init__(self, opened: socket.socket, index: int, traffic: Traffic) -> None:
        self.arena = Arena(BATCH * MAX_DATAGRAM)
        self._socket, self._index, self._traffic = opened, index, traffic

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> Iterator[Received]:
        return together(list(self._read()))

    def _read(self) -> Iterator[tuple[bytes, Path]]:
        for _ in range(BATCH):
            try:
                datagram, address = self._socket.recvfrom(MAX_DATAGRAM)
            except OSError:
                return
            yield datagram, (self._index, address)

    def lane(self, address: Address, traffic: Traffic) -> PlainLane:
        return PlainLane(self, address, traffic)

    def send(self, datagram: bytes, address: Address) -> bool:
        return _sent(self._socket, datagram, address, self._traffic)

    def withdraw(self, of: object) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None:
        self._socket.close()


class PlainLane:
    def __init__(self, of: PlainSocket, address: Address, traffic: Traffic) -> None:
        self.arena = of.arena
        self._socket, self._address, self._traffic = of, address, traffic

    def room(self, size: int) -> int:
        return 0

    def put(self, at: int, pieces: Sequence[Piece], of: object) -> None:
        for piece in pieces:
            for place, size in cut(piece):
                self.send(self.arena.memory[at + place : at + place + size])

    def send(self, datagram: bytes, of: object = None) -> bool:
        if not self._socket.send(datagram, self._address):
            self._traffic.drop(Drop.SEND_FAILED)
            return False
        self._traffic.sent(len(datagram))
        return True


class BatchedSocket:
    """Reads up to `BATCH` datagrams in a call, and sends a whole turn in one."""

    def __init__(
        self, opened: socket.socket, index: int, traffic: Traffic, schedule: Callable[[], None]
    ) -> None:
        self.arena = Arena(QUEUED * SLOT)
        self.free = self.waiting = 0
        """Where the next packet goes, and how many wait."""
        self.segments = cuts_up(opened)
        self.family = opened.family
        self._socket, self._schedule, self._traffic = opened, schedule, traffic
        self._busy: list[BatchedLane] = []
        self._in = _Incoming(opened, index)
        self._out = _Outgoing(opened.fileno())

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> Iterable[Received]:
        return self._in.read()

    def lane(self, address: Address, traffic: Traffic) -> BatchedLane:
        return BatchedLane(self, address, traffic)

    def send(self, datagram: bytes, address: Address) -> bool:
        return _sent(self._socket, datagram, address, self._traffic)

    def wait(self, lane: BatchedLane) -> None:
        """The lane has its first packet of this turn."""
        self._busy.append(lane)
        if len(self._busy) == 1:
            self._schedule()

    def withdraw(self, of: object) -> None:
        for lane in self._busy:
            lane.waiting = [each for each in lane.waiting if each[4] is not of]

    def flush(self) -> None:
        """When this returns nothing waits any more: it is the kernel's, or dropped and counted."""
        if not self._busy:
            return
        lanes, self._busy = self._busy, []
        self.free = self.waiting = 0
        parcels = self._out.write(lanes)
        done = 0
        while done < len(parcels):
            taken, error = self._out.send(done, len(parcels))
            self._count(parcels[done : done + taken])
            done += taken
            if error in _FULL:
                for lane, piece in parcels[done:]:
                    self._lost(lane, piece[3], Drop.QUEUE_FULL)
                return
            if error and error != errno.EINTR:
                self._refused(*parcels[done], error)
                done += 1

    def _count(self, sent: Sequence[Parcel]) -> None:
        octets = count = 0
        for lane, (_, _, size, packets, _) in sent:
            traffic = lane.traffic
            traffic.packets_out += packets
            traffic.bytes_out += size
            count += packets
            octets += size
        self._traffic.sent(octets, count)

    def _refused(self, lane: BatchedLane, piece: Waiting, error: int) -> None:
        """One by one where it was the cutting up that the kernel refused."""
        address, segment, total, packets, _ = piece
        if packets == 1 or error not in _NO_SEGMENTS:
            self._lost(lane, packets, Drop.SEND_FAILED)
            return
        lane.segments = False
        for at, size in cut((address - self.arena.address, segment, total, packets)):
            sent = self.send(self.arena.memory[at : at + size], lane.address)
            lane.traffic.sent(size) if sent else lane.traffic.drop(Drop.SEND_FAILED)

    def _lost(self, lane: BatchedLane, packets: int, reason: Drop) -> None:
        self._traffic.drop(reason, packets)
        lane.traffic.drop(Drop.SEND_FAILED, packets)

    def close(self) -> None:
        self.flush()
        self._socket.close()


class BatchedLane:
    def __init__(self, of: BatchedSocket, address: Address, traffic: Traffic) -> None:
        self.arena = of.arena
        self.address, self.traffic = address, traffic
        self.segments = of.segments
        self.waiting: list[Waiting] = []
        self._socket = of
        self._name = ctypes.create_string_buffer(name_of(of.family, address))
        self.name = ctypes.addressof(self._name), len(self._name) - 1
        """Where its socket address lies for the kernel, and its size."""

    def room(self, size: int) -> int:
        out = self._socket
        if out.waiting >= ENOUGH or out.free + size > self.arena.size:
            out.flush()
        return out.free

    def put(self, at: int, pieces: Sequence[Piece], of: object) -> None:
        out, waiting, base = self._socket, self.waiting, self.arena.address + at
        if not waiting:
            out.wait(self)
        for place, size, total, count in pieces:
            address = base + place
            if count == 1 and waiting and (longer := _joined(waiting[-1], address, size, of)):
                waiting[-1] = longer
            else:
                waiting.append((address, size, total, count, of))
            out.waiting += count
            out.free = at + place + total

    def send(self, datagram: bytes, of: object = None) -> bool:
        size = len(datagram)
        at = self.room(size)
        self.arena.memory[at : at + size] = datagram
        self.put(at, ((0, size, size, 1),), of)
        return True

    def take(self) -> Sequence[Waiting]:
        """What waits, in what one message carries; then nothing waits here."""
        waiting, self.waiting = self.waiting, []
        return waiting if self.segments else [each for piece in waiting for each in _singly(piece)]


def _joined(before: Waiting, address: int, size: int, of: object) -> Waiting | None:
    """With one datagram more that lies behind it, if the kernel can cut it off again."""
    start, segment, total, count, owner = before
    if owner is not of or start + total != address or size > segment or total != segment * count:
        return None
    if count >= MOST_SEGMENTS or total + size > MOST_BYTES:
        return None
    return start, segment, total + size, count + 1, of


def _singly(piece: Waiting) -> Iterator[Waiting]:
    for address, size in cut(piece[:4]):
        yield address, size, size, 1, piece[4]


Parcel = tuple[BatchedLane, Waiting]
"""What one message carries."""


class _Incoming:
    """recvmmsg into memory of its own."""

    def __init__(self, opened: socket.socket, index: int) -> None:
        self._descriptor = opened.fileno()
        self._index, self._family = index, opened.family
        self._name_size = 16 if opened.family == socket.AF_INET else 28
        self._call = _library().recvmmsg
        self._data = Arena(BATCH * MAX_DATAGRAM)
        self._names, names_at = _memory(BATCH * self._name_size)
        self._iovecs, iovecs_at = _memory(BATCH * _IOVEC.size)
        self._messages, self._messages_at = _memory(BATCH * _MESSAGE.size)
        for number in range(BATCH):
            iovec, name = number * _IOVEC.size, names_at + number * self._name_size
            _IOVEC.pack_into(self._iovecs, iovec, self._data.address + number * MAX_DATAGRAM, MAX_DATAGRAM)
            _MESSAGE.pack_into(
                self._messages,
                number * _MESSAGE.size,
                *(name, self._name_size, iovecs_at + iovec, 1, 0, 0, 0, 0),
            )
        self._fresh = bytes(self._messages)
        self._lengths = memoryview(self._messages).cast("I")[_LENGTH_AT // 4 :: _MESSAGE.size // 4]

    def read(self) -> list[Received]:
        """What has come. The next call needs the sizes of names as they were before."""
        count = self._call(self._descriptor, self._messages_at, BATCH, _DONT_WAIT, None)
        if count <= 0:
            return []
        found: list[Received] = []
        data, width = self._data.memory, self._name_size
        names = bytes(self._names[: count * width])
        before, at, name_at = b"", 0, 0
        datagrams: list[bytes] = []
        for size in self._lengths[:count]:
            name = names[name_at : name_at + width]
            if name != before or len(datagrams) == RUN:
                before, datagrams = name, []
                found.append(((self._index, address_of(self._family, name)), datagrams))
            datagrams.append(data[at : at + size])
            at += MAX_DATAGRAM
            name_at += width
        size = count * _MESSAGE.size
        self._messages[:size] = self._fresh[:size]
        return found


class _Outgoing:
    """sendmmsg out of memory of its own; what the messages point to must stay until they are sent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._call = _library().sendmmsg
        self._iovecs, self._iovecs_at = _memory(QUEUED * _IOVEC.size)
        self._messages, self._messages_at = _memory(QUEUED * _MESSAGE.size)
        self._controls, self._controls_at = _memory(QUEUED * _SEGMENT.size)

    def write(self, lanes: Sequence[BatchedLane]) -> list[Parcel]:
        """A message for each parcel, in their order."""
        parcels: list[Parcel] = []
        iovecs, messages, controls = self._iovecs, self._messages, self._controls
        iovecs_at, controls_at = self._iovecs_at, self._controls_at
        iovec, message, control = 0, 0, 0
        for lane in lanes:
            name, name_size = lane.name
            for piece in lane.take():
                address, segment, total, packets, _ = piece
                _pack_iovec(iovecs, iovec, address, total)
                cut, cut_size = 0, 0
                if packets > 1:
                    _pack_segment(controls, control, _SEGMENT_LENGTH, _SOL_UDP, _UDP_SEGMENT, segment)
                    cut, cut_size = controls_at + control, _SEGMENT.size
                    control += _SEGMENT.size
                _pack_message(messages, message, name, name_size, iovecs_at + iovec, 1, cut, cut_size, 0, 0)
                iovec += _IOVEC.size
                message += _MESSAGE.size
                parcels.append((lane, piece))
        return parcels

    def send(self, first: int, end: int) -> tuple[int, int]:
        """How many messages from `first` on the kernel took, and why it did not take the next."""
        at = self._messages_at + first * _MESSAGE.size
        taken = self._call(self._descriptor, at, end - first, _DONT_WAIT)
        return (taken, 0) if taken > 0 else (0, ctypes.get_errno() or errno.EIO)


def _sent(opened: socket.socket, datagram: bytes, address: Address, traffic: Traffic) -> bool:
    try:
        opened.sendto(datagram, address)
    except OSError as error:
        traffic.drop(Drop.QUEUE_FULL if error.errno in _FULL else Drop.SEND_FAILED)
        return False
    traffic.sent(len(datagram))
    return True


def _library() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    number, pointer = ctypes.c_int, ctypes.c_void_p
    library.recvmmsg.argtypes = number, pointer, ctypes.c_uint, number, pointer
    library.sendmmsg.argtypes = number, pointer, ctypes.c_uint, number
    return library


def _memory(size: int) -> tuple[bytearray, int]:
    """Memory that does not move, and its address."""
    memory = bytearray(size)
    return memory, ctypes.addressof((ctypes.c_char * size).from_buffer(memory))


def name_of(family: int, address: Address) -> bytes:
    """struct sockaddr_in or sockaddr_in6."""
    packed, head = socket.inet_pton(family, address[0]), struct.pack("=H", family)
    if family == socket.AF_INET:
        return head + _IPV4.pack(address[1], packed)
    flow, scope = (*address[2:], 0, 0)[:2]
    return head + _IPV6.pack(address[1], flow, packed) + struct.pack("=I", scope)


def address_of(family: int, name: bytes) -> Address:
    """Back again, as `socket.recvfrom` gives it."""
    if family == socket.AF_INET:
        port, packed = _IPV4.unpack_from(name, 2)
        return socket.inet_ntop(family, packed), port
    port, flow, packed = _IPV6.unpack_from(name, 2)
    return socket.inet_ntop(family, packed), port, flow, *struct.unpack_from("=I", name, 24)
