"""SRTP in place (RFC 3711, RFC 7714): a packet is protected where it lies, and sent from there.

The only file that touches pylibsrtp's private parts: the cffi binding that it ships, and the handle of a
session. pylibsrtp's own calls copy every packet twice, and make a new length and new bytes for each.
"""

from __future__ import annotations

from typing import Any

import pylibsrtp
from pylibsrtp import _binding

from media.block import Block, Copy
from media.rtp import NUMBERING, NUMBERING_AT

MAX_PACKET = 1356
"""Bytes of plaintext that are protected at most."""
SLOT = 1536
"""Bytes of memory for such a packet, with libsrtp's longest trailer."""
MAX_DATAGRAM = 2048
"""Bytes that a datagram is shorter than."""
REPLAY_WINDOW = 1024

_ffi, _lib = _binding.ffi, _binding.lib
_protect_rtp = _lib.srtp_protect
_pack_numbers = NUMBERING.pack_into

TRAILERS = {
    pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM: 16,
    pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM: 16,
    pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80: 10,
}
"""By how many bytes an RTP packet grows when it is protected."""


class Arena:
    """Memory in which packets are written and protected.

    `memory` is a writable buffer; `pointer` is for libsrtp, `address` for the kernel.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.pointer = _ffi.new("char[]", size)
        self.memory = _ffi.buffer(self.pointer)
        self.address = int(_ffi.cast("uintptr_t", self.pointer))


class Outbound:
    """What one end sends. A sequence number is protected once; every later try fails."""

    def __init__(self, profile: Any, key: bytes) -> None:
        self.trailer = TRAILERS[profile]
        self._session = _session(profile, key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._handle = self._session._srtp[0]
        self._length = _ffi.new("int *")
        self._pointer = _ffi.new("char[]", SLOT)
        self._memory = _ffi.buffer(self._pointer)

    def protect_block(self, arena: Arena, at: int, block: Block, copy: Copy) -> list[int]:
        """Copy RTP packets to this place of an arena, make them what `copy` says, and protect them there.

        Gives the places within the block of those that cannot be: too long ones, and numbers used before.
        """
        memory, pointer, length, handle = arena.memory, arena.pointer + at, self._length, self._handle
        sequence, ssrc, shift, patches = copy
        memory[at : at + len(block.data)] = block.data
        for place, patch in patches:
            memory[at + place : at + place + len(patch)] = patch
        at += NUMBERING_AT
        failed = []
        for place, size, timestamp in block.places:
            _pack_numbers(memory, at + place, sequence & 0xFFFF, timestamp + shift & 0xFFFFFFFF, ssrc)
            sequence += 1
            length[0] = size
            if size > MAX_PACKET or _protect_rtp(handle, pointer + place, length):
                failed.append(place)
        return failed

    def protect_one(
        self, arena: Arena, at: int, packet: bytes | bytearray, sequence: int, timestamp: int, ssrc: int
    ) -> int:
        """The same for a single packet; its size as it then is, or 0."""
        memory, length, size = arena.memory, self._length, len(packet)
        memory[at : at + size] = packet
        _pack_numbers(memory, at + NUMBERING_AT, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        length[0] = size
        if size > MAX_PACKET or _protect_rtp(self._handle, arena.pointer + at, length):
            return 0
        return length[0]  # type: ignore[no-any-return]

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
