"""RTCP (RFC 3550 §6, feedback RFC 4585 and RFC 5104, reduced size RFC 5506). Bytes in, values out, and back.

Parsers raise `ValueError`, and nothing else. Kinds we have no use for are passed by as `RtcpBlock`.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
NACK_FORMAT, TWCC_FORMAT = 1, 15
PLI_FORMAT, FIR_FORMAT, AFB_FORMAT = 1, 4, 15
MAX_REPORTS = 31
MAX_NACKED = 1000
"""Numbers that one NACK is read for."""

_SENDER = struct.Struct("!LQLLL")
_REPORT = struct.Struct("!LLLLLL")
_WORDS = struct.Struct("!LL")
_NACK = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class RtcpBlock:
    """One packet of a compound: `count` is the report count or feedback format, `body` excludes padding."""

    packet_type: int
    count: int
    body: bytes


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """RFC 3550 §6.4.1: `fraction_lost` of 256, `lsr` and `dlsr` and so on in the units of the wire."""

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    lsr: int = 0
    dlsr: int = 0


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """Canonical name of every source that gave one; other items are left out."""

    names: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Goodbye:
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureLossIndication:
    sender_ssrc: int
    media_ssrc: int


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """`requests` holds (media SSRC, command sequence number)."""

    sender_ssrc: int
    requests: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Nack:
    """`sequences` are the 16-bit numbers asked for, in the order given, at most about `MAX_NACKED`."""

    sender_ssrc: int
    media_ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Remb:
    """Receiver estimated maximum bitrate in bit/s (draft-alvestrand-rmcat-remb-03)."""

    sender_ssrc: int
    bitrate: int
    ssrcs: tuple[int, ...]


RtcpMessage = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Goodbye
    | PictureLossIndication
    | FullIntraRequest
    | Nack
    | Remb
    | RtcpBlock
)


def split_compound(data: bytes) -> list[RtcpBlock]:
    """The packets of a compound; any kind may come first (RFC 5506). Raises `ValueError`.

    Padding need not be whole words: transport-wide feedback is padded from any length.
    """
    blocks = []
    at, size = 0, len(data)
    while at < size:
        if at + 4 > size:
            raise ValueError("RTCP header is cut off")
        first, packet_type = data[at], data[at + 1]
        if first >> 6 != 2:
            raise ValueError("RTCP version is not 2")
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if end > size:
            raise ValueError("RTCP packet is cut off")
        stop = end
        if first & 0x20:
            padding = data[end - 1]
            if end != size or padding == 0 or at + 4 + padding > end:
                raise ValueError("RTCP padding is impossible")
            stop -= padding
        blocks.append(RtcpBlock(packet_type, first & 31, data[at + 4 : stop]))
        at = end
    if not blocks:
        raise ValueError("RTCP datagram is empty")
    return blocks


def parse(data: bytes) -> list[RtcpMessage]:
    """Every packet of a compound, typed where we know the kind. Raises `ValueError`."""
    return [parse_block(block) for block in split_compound(data)]


def parse_block(block: RtcpBlock) -> RtcpMessage:
    try:
        parser = _PARSERS.get(block.packet_type)
        return block if parser is None else parser(block)
    except (struct.error, IndexError) as error:
        raise ValueError(f"RTCP packet of type {block.packet_type} is too short") from error


def _reports(block: RtcpBlock, at: int) -> tuple[ReportBlock, ...]:
    found = []
    for index in range(block.count):
        ssrc, loss, highest, jitter, lsr, dlsr = _REPORT.unpack_from(block.body, at + 24 * index)
        lost = (loss & 0xFFFFFF ^ 0x800000) - 0x800000
        found.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, lsr, dlsr))
    return tuple(found)


def _parse_sender_report(block: RtcpBlock) -> RtcpMessage:
    ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(block.body)
    return SenderReport(ssrc, ntp, timestamp, packets, octets, _reports(block, 24))


def _parse_receiver_report(block: RtcpBlock) -> RtcpMessage:
    return ReceiverReport(int.from_bytes(_take(block.body, 0, 4), "big"), _reports(block, 4))


def _parse_source_description(block: RtcpBlock) -> RtcpMessage:
    names, body, at = [], block.body, 0
    for _ in range(block.count):
        ssrc = int.from_bytes(_take(body, at, 4), "big")
        at += 4
        while (item := body[at]) != 0:
            value = _take(body, at + 2, body[at + 1])
            if item == 1:
                names.append((ssrc, value.decode("utf-8", "replace")))
            at += 2 + len(value)
        at += 4 - at % 4
        if at > len(body):
            raise ValueError("RTCP source description is cut off")
    return SourceDescription(tuple(names))


def _parse_goodbye(block: RtcpBlock) -> RtcpMessage:
    return Goodbye(struct.unpack_from(f"!{block.count}L", block.body))


def _parse_transport_feedback(block: RtcpBlock) -> RtcpMessage:
    if block.count != NACK_FORMAT:
        return block
    sender, media = _WORDS.unpack_from(block.body)
    if len(block.body) < 12 or len(block.body) % 4:
        raise ValueError("RTCP NACK names no packet")
    sequences = []
    for first, mask in _NACK.iter_unpack(block.body[8:]):
        sequences.append(first)
        sequences += [first + 1 + bit & 0xFFFF for bit in range(16) if mask >> bit & 1]
        if len(sequences) >= MAX_NACKED:
            break
    return Nack(sender, media, tuple(sequences))


def _parse_payload_feedback(block: RtcpBlock) -> RtcpMessage:
    sender, media = _WORDS.unpack_from(block.body)
    if block.count == PLI_FORMAT:
        return PictureLossIndication(sender, media)
    if block.count == FIR_FORMAT:
        entries = block.body[8:]
        if not entries or len(entries) % 8:
            raise ValueError("RTCP full intra request has no whole entry")
        return FullIntraRequest(
            sender, tuple((ssrc, word >> 24) for ssrc, word in _WORDS.iter_unpack(entries))
        )
    if block.count == AFB_FORMAT and block.body[8:12] == b"REMB":
        count, exponent = block.body[12], block.body[13] >> 2
        mantissa = (block.body[13] & 3) << 16 | block.body[14] << 8 | block.body[15]
        return Remb(sender, mantissa << exponent, struct.unpack_from(f"!{count}L", block.body, 16))
    return block


_PARSERS = {
    SR: _parse_sender_report,
    RR: _parse_receiver_report,
    SDES: _parse_source_description,
    BYE: _parse_goodbye,
    RTPFB: _parse_transport_feedback,
    PSFB: _parse_payload_feedback,
}


def _take(data: bytes, at: int, size: int) -> bytes:
    taken = data[at : at + size]
    if len(taken) != size:
        raise ValueError("RTCP packet is too short")
    return taken


def pack(packet_type: int, count: int, body: bytes) -> bytes:
    """One RTCP packet; `body` is whole 32-bit words."""
    return struct.pack("!BBH", 0x80 | count, packet_type, len(body) // 4) + body


def build_sender_report(
    ssrc: int,
    *,
    ntp: int,
    rtp_timestamp: int,
    packet_count: int,
    octet_count: int,
    cname: str,
    reports: Sequence[ReportBlock] = (),
) -> bytes:
    """SR followed by SDES; the counters wrap at 32 bits, at most 31 reports are carried."""
    sender = _SENDER.pack(
        ssrc, ntp, rtp_timestamp & 0xFFFFFFFF, packet_count & 0xFFFFFFFF, octet_count & 0xFFFFFFFF
    )
    carried = reports[:MAX_REPORTS]
    return pack(SR, len(carried), sender + _pack_reports(carried)) + build_source_description(ssrc, cname)


def build_receiver_report(ssrc: int, reports: Sequence[ReportBlock]) -> bytes:
    """As many RR packets as the reports need, at least one."""
    chunks = [reports[at : at + MAX_REPORTS] for at in range(0, len(reports), MAX_REPORTS)] or [()]
    return b"".join(pack(RR, len(chunk), struct.pack("!L", ssrc) + _pack_reports(chunk)) for chunk in chunks)


def build_source_description(ssrc: int, cname: str) -> bytes:
    """SDES with the canonical name, cut to the 255 bytes the item can hold."""
    name = cname.encode()[:255]
    chunk = struct.pack("!LBB", ssrc, 1, len(name)) + name
    return pack(SDES, 1, chunk + bytes(4 - len(chunk) % 4))


def build_goodbye(ssrcs: Sequence[int]) -> bytes:
    return pack(BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}L", *ssrcs))


def build_pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    return pack(PSFB, PLI_FORMAT, _WORDS.pack(sender_ssrc, media_ssrc))


def build_fir(sender_ssrc: int, media_ssrc: int, command: int) -> bytes:
    """RFC 5104 §4.3.1; `command` counts requests to this source, modulo 256."""
    return pack(PSFB, FIR_FORMAT, struct.pack("!LLLL", sender_ssrc, 0, media_ssrc, (command & 255) << 24))


def build_nack(sender_ssrc: int, media_ssrc: int, sequences: Iterable[int]) -> bytes:
    """RFC 4585 §6.2.1; give the numbers in their order of sending, so that neighbours share a mask."""
    entries: list[list[int]] = []
    for sequence in sequences:
        ahead = sequence - entries[-1][0] & 0xFFFF if entries else 0
        if entries and ahead == 0:
            continue
        if entries and ahead <= 16:
            entries[-1][1] |= 1 << ahead - 1
        else:
            entries.append([sequence & 0xFFFF, 0])
    if not entries:
        raise ValueError("a NACK names at least one packet")
    body = b"".join(_NACK.pack(first, mask) for first, mask in entries)
    return pack(RTPFB, NACK_FORMAT, _WORDS.pack(sender_ssrc, media_ssrc) + body)


def build_remb(sender_ssrc: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """`bitrate` in bit/s is rounded down to 18 significant bits."""
    exponent = max(0, bitrate.bit_length() - 18)
    head = struct.pack(
        "!LL4sL", sender_ssrc, 0, b"REMB", len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
    )
    return pack(PSFB, AFB_FORMAT, head + struct.pack(f"!{len(ssrcs)}L", *ssrcs))


def _pack_reports(reports: Sequence[ReportBlock]) -> bytes:
    return b"".join(
        _REPORT.pack(
            report.ssrc,
            (report.fraction_lost & 255) << 24 | report.cumulative_lost & 0xFFFFFF,
            report.highest_sequence & 0xFFFFFFFF,
            report.jitter & 0xFFFFFFFF,
            report.lsr,
            report.dlsr,
        )
        for report in reports
    )
