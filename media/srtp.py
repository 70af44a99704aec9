"""SRTP in place (RFC 3711, RFC 7714): a packet is protected where it lies, and sent from there.

The only file that touches pylibsrtp's private parts: the cffi binding that it ships, and the handle of a
session. pylibsrtp's own calls copy every packet twice, and make a new length and new bytes for each.
"""

from __future__ import annotations

from typing import Any

import pylibsrtp
from pylibsrtp import _binding

from media.rtp import NUMBERING, NUMBERING_AT

MAX_PACKET = 1356
"""Bytes of plaintext that are protected at most."""
SLOT = 1536
"""Bytes of memory for a packet: the plaintext with libsrtp's longest trailer, and it begins a cache line."""
MAX_DATAGRAM = 2048
"""Bytes that a datagram is shorter than."""
REPLAY_WINDOW = 1024

_ffi, _lib = _binding.ffi, _binding.lib
_protect_rtp = _lib.srtp_protect
_pack_numbers = NUMBERING.pack_into


Slot = tuple[int, Any, int]
"""Memory for one packet: where it begins in its arena, for libsrtp, and for the kernel."""


class Arena:
    """Memory in which packets are written and protected; `memory` is a writable buffer."""

    def __init__(self, slots: int) -> None:
        self._owner = _ffi.new("char[]", slots * SLOT)
        self.memory = _ffi.buffer(self._owner)
        base = int(_ffi.cast("uintptr_t", self._owner))
        self.slots: list[Slot] = [(at, self._owner + at, base + at) for at in range(0, slots * SLOT, SLOT)]


class Outbound:
    """What one end sends. A sequence number is protected once; every later try fails."""

    def __init__(self, profile: Any, key: bytes) -> None:
        self._session = _session(profile, key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._handle = self._session._srtp[0]
        self._length = _ffi.new("int *")
        self._pointer = _ffi.new("char[]", SLOT)
        self._memory = _ffi.buffer(self._pointer)

    def protect_copy(
        self, memory: Any, slot: Slot, packet: bytes | bytearray, sequence: int, timestamp: int, ssrc: int
    ) -> int:
        """Write an RTP packet under these numbers (as on the wire) into a slot of an arena's memory, and
        protect it there; its size, 0 when it cannot be. `packet` is at most `MAX_PACKET` bytes.
        """
        at, pointer, _ = slot
        length = self._length
        length[0] = size = len(packet)
        memory[at : at + size] = packet
        _pack_numbers(memory, at + NUMBERING_AT, sequence, timestamp, ssrc)
        return 0 if _protect_rtp(self._handle, pointer, length) else length[0]

    def protect_rtp(self, packet: bytes) -> bytes | None:
        return self._protect(_protect_rtp, packet)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        return self._protect(_lib.srtp_protect_rtcp, packet)

    def _protect(self, protect: Any, packet: bytes) -> bytes | None:
        size = len(packet)
        self._memory[:size] = packet
        self._length[0] = size
        if protect(self._handle, self._pointer, self._length):
            return None
        return self._memory[: self._length[0]]  # type: ignore[no-any-return]


class Inbound:
    """What one end receives; `None` for what is forged, damaged, or came before."""

    def __init__(self, profile: Any, key: bytes) -> None:
        self._session = _session(profile, key, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self._handle = self._session._srtp[0]
        self._length = _ffi.new("int *")
        self._pointer = _ffi.new("char[]", MAX_DATAGRAM)
        self._memory = _ffi.buffer(self._pointer)

    def unprotect_rtp(self, datagram: bytes) -> bytes | None:
        return self._unprotect(_lib.srtp_unprotect, datagram)

    def unprotect_rtcp(self, datagram: bytes) -> bytes | None:
        return self._unprotect(_lib.srtp_unprotect_rtcp, datagram)

    def _unprotect(self, unprotect: Any, datagram: bytes) -> bytes | None:
        size = len(datagram)
        if size > MAX_DATAGRAM:
            return None
        self._memory[:size] = datagram
        self._length[0] = size
        if unprotect(self._handle, self._pointer, self._length):
            return None
        return self._memory[: self._length[0]]  # type: ignore[no-any-return]


def _session(profile: Any, key: bytes, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.window_size = REPLAY_WINDOW
    return pylibsrtp.Session(policy)
