"""RTP packets (RFC 3550, header extensions RFC 8285), sequence arithmetic and NTP time. Bytes in, values out.

Every parser here raises `ValueError`, and nothing else, for bytes that are not what they claim to be.
"""

import struct
from collections.abc import Mapping

ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000
NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 (NTP) to 1970 (Unix)."""

NUMBERING = struct.Struct("!HLL")
NUMBERING_AT = 2
"""Sequence number, timestamp and SSRC, and where they stand in a packet."""

_FIXED = struct.Struct("!BBHLL")
_EXTENSION = struct.Struct("!HH")


class RtpPacket:
    """One parsed packet; `extensions` maps the negotiated id to the element's bytes.

    `payload_start` and `payload_end` are offsets into `data`; padding lies after `payload_end`. Not a
    dataclass, and not a tuple: one is made for every packet, and compiled this is the fastest.
    """

    __slots__ = (
        *("data", "extensions", "marker", "payload_end", "payload_start", "payload_type", "sequence"),
        *("ssrc", "timestamp"),
    )

    def __init__(
        self,
        data: bytes,
        marker: bool,
        payload_type: int,
        sequence: int,
        timestamp: int,
        ssrc: int,
        payload_start: int,
        payload_end: int,
        extensions: dict[int, bytes],
    ) -> None:
        self.data = data
        self.marker, self.payload_type = marker, payload_type
        self.sequence, self.timestamp, self.ssrc = sequence, timestamp, ssrc
        self.payload_start, self.payload_end = payload_start, payload_end
        self.extensions = extensions

    @property
    def payload(self) -> bytes:
        return self.data[self.payload_start : self.payload_end]


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram of the SRTP range is RTCP (RFC 5761 §4)."""
    return len(data) >= 2 and 192 <= data[1] <= 223


def parse(data: bytes) -> RtpPacket:
    """Parse one unprotected RTP packet. Raises `ValueError` when it is malformed."""
    size = len(data)
    if size < 12:
        raise ValueError("RTP packet is shorter than its fixed header")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first >> 6 != 2:
        raise ValueError("RTP version is not 2")
    start = 12 + 4 * (first & 15)
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        if start + 4 > size:
            raise ValueError("RTP header extension is cut off")
        profile, words = _EXTENSION.unpack_from(data, start)
        end = start + 4 + 4 * words
        if end > size:
            raise ValueError("RTP header extension is cut off")
        if profile == ONE_BYTE_PROFILE:
            extensions = _one_byte_elements(data, start + 4, end)
        elif profile & 0xFFF0 == TWO_BYTE_PROFILE:
            extensions = _two_byte_elements(data, start + 4, end)
        start = end
    elif start > size:
        raise ValueError("RTP contributing sources are cut off")
    end = size
    if first & 0x20:
        padding = data[-1]
        if padding == 0 or start + padding > size:
            raise ValueError("RTP padding length is impossible")
        end -= padding
    return RtpPacket(data, second >= 128, second & 127, sequence, timestamp, ssrc, start, end, extensions)


def _one_byte_elements(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found = {}
    while at < end:
        head = data[at]
        at += 1
        if head == 0:
            continue
        if head >> 4 in (0, 15):
            break
        stop = at + (head & 15) + 1
        if stop > end:
            raise ValueError("RTP header extension element is cut off")
        found[head >> 4] = data[at:stop]
        at = stop
    return found


def _two_byte_elements(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found = {}
    while at < end:
        element = data[at]
        at += 1
        if element == 0:
            continue
        if at >= end:
            raise ValueError("RTP header extension element is cut off")
        stop = at + 1 + data[at]
        if stop > end:
            raise ValueError("RTP header extension element is cut off")
        found[element] = data[at + 1 : stop]
        at = stop
    return found


def extension_block(elements: Mapping[int, bytes]) -> bytes:
    """The one-byte header extension with these elements, or nothing at all when there are none.

    Made once for a packet and shared by all its copies. Ids are 1–14, values 1–16 bytes, else `ValueError`.
    """
    if not elements:
        return b""
    body = bytearray()
    for element, value in elements.items():
        if not 1 <= element <= 14 or not 1 <= len(value) <= 16:
            raise ValueError(f"header extension {element} does not fit the one-byte form")
        body.append(element << 4 | len(value) - 1)
        body += value
    body += bytes(-len(body) % 4)
    return _EXTENSION.pack(ONE_BYTE_PROFILE, len(body) // 4) + bytes(body)


def build(
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    marker: bool = False,
    extensions: bytes = b"",
) -> bytes:
    """An outgoing packet; `extensions` comes from `extension_block`. Sequence and timestamp are wrapped."""
    if not 0 <= payload_type <= 127 or not 0 <= ssrc <= 0xFFFFFFFF:
        raise ValueError("payload type or SSRC is out of range")
    first = 0x90 if extensions else 0x80
    second = payload_type | 0x80 if marker else payload_type
    return _FIXED.pack(first, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + extensions + payload


def renumbered(packet: bytes | bytearray, sequence: int, timestamp: int, ssrc: int) -> bytes:
    copy = bytearray(packet)
    NUMBERING.pack_into(copy, NUMBERING_AT, sequence, timestamp, ssrc)
    return bytes(copy)


def extend_sequence(reference: int, sequence: int) -> int:
    """The unwrapped number nearest to `reference` whose low 16 bits are `sequence`."""
    return reference + ((sequence - reference + 0x8000) & 0xFFFF) - 0x8000


def extend_timestamp(reference: int, timestamp: int) -> int:
    """The unwrapped number nearest to `reference` whose low 32 bits are `timestamp`."""
    return reference + ((timestamp - reference + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def is_newer_sequence(sequence: int, than: int) -> bool:
    """Whether `sequence` follows `than` on the 16-bit circle (less than half a turn ahead)."""
    return 0 < (sequence - than) & 0xFFFF < 0x8000


def is_newer_timestamp(timestamp: int, than: int) -> bool:
    """Whether `timestamp` follows `than` on the 32-bit circle (less than half a turn ahead)."""
    return 0 < (timestamp - than) & 0xFFFFFFFF < 0x80000000


def to_ntp(unix: float) -> int:
    """64-bit NTP timestamp of Unix seconds (RFC 3550 §4), wrapping in 2036 as the format does."""
    return int((unix + NTP_EPOCH) * 4294967296) & 0xFFFFFFFFFFFFFFFF


def from_ntp(ntp: int) -> float:
    """Unix seconds of a 64-bit NTP timestamp."""
    return ntp / 4294967296 - NTP_EPOCH


def compact_ntp(ntp: int) -> int:
    """The middle 32 bits, as LSR and round trips use them (units of 1/65536 s)."""
    return ntp >> 16 & 0xFFFFFFFF


def abs_send_time(unix: float) -> bytes:
    """Value of the abs-send-time extension: 24 bits, 6.18 fixed-point seconds, wrapping every 64 s.

    The years from 1900 to 1970 are a multiple of that.
    """
    return (int(unix * 262144) & 0xFFFFFF).to_bytes(3, "big")


def audio_level(element: bytes) -> tuple[int, bool]:
    """RFC 6464: level in −dBov (0 loudest, 127 silence) and the voice activity flag."""
    if len(element) < 1:
        raise ValueError("audio level extension is empty")
    return element[0] & 127, element[0] >= 128
