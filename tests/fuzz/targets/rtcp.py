"""RTCP compounds of every kind: `ValueError`, or messages that are built and read again as they were."""

from __future__ import annotations

from media import rtcp
from tests.fuzz.reading import Input
from tests.fuzz.target import Target

_KINDS = (rtcp.SR, rtcp.RR, rtcp.SDES, rtcp.BYE, rtcp.RTPFB, rtcp.PSFB)


def check(data: bytes) -> None:
    source = Input(data)
    compound = source.rest() if source.number() & 1 else b"".join(_packets(source))
    try:
        blocks = rtcp.split_compound(compound)
        messages = rtcp.parse(compound)
    except ValueError:
        return
    assert 1 <= len(blocks) == len(messages) <= len(compound) // 4
    assert sum(len(block.body) for block in blocks) <= len(compound)
    for message in messages:
        _again(message)


def _packets(source: Input) -> list[bytes]:
    """Well-framed packets with any contents."""
    packets = []
    while source:
        kind, count, body = source.of(_KINDS), source.number() & 31, source.chunk()
        packets.append(rtcp.pack(kind, count, body + bytes(-len(body) % 4)))
    return packets


def _again(message: rtcp.RtcpMessage) -> None:
    match message:
        case rtcp.SenderReport():
            assert len(message.reports) <= rtcp.MAX_REPORTS
            report, _ = rtcp.parse(
                rtcp.build_sender_report(
                    message.ssrc,
                    ntp=message.ntp,
                    rtp_timestamp=message.rtp_timestamp,
                    packet_count=message.packet_count,
                    octet_count=message.octet_count,
                    cname="ö",
                    reports=message.reports,
                )
            )
            assert report == message
        case rtcp.ReceiverReport():
            assert rtcp.parse(rtcp.build_receiver_report(message.ssrc, message.reports)) == [message]
        case rtcp.SourceDescription():
            for ssrc, name in message.names:
                cut = name.encode()[:255].decode("utf-8", "replace")
                assert rtcp.parse(rtcp.build_source_description(ssrc, name)) == [
                    rtcp.SourceDescription(((ssrc, cut),))
                ]
        case rtcp.Goodbye():
            assert rtcp.parse(rtcp.build_goodbye(message.ssrcs)) == [message]
        case rtcp.PictureLossIndication():
            assert rtcp.parse(rtcp.build_pli(message.sender_ssrc, message.media_ssrc)) == [message]
        case rtcp.FullIntraRequest():
            for ssrc, command in message.requests:
                assert rtcp.parse(rtcp.build_fir(message.sender_ssrc, ssrc, command)) == [
                    rtcp.FullIntraRequest(message.sender_ssrc, ((ssrc, command),))
                ]
        case rtcp.Nack():
            assert 1 <= len(message.sequences) < rtcp.MAX_NACKED + 17
            nack = rtcp.build_nack(message.sender_ssrc, message.media_ssrc, message.sequences)
            [again] = rtcp.parse(nack)
            assert isinstance(again, rtcp.Nack)
            assert len(again.sequences) >= rtcp.MAX_NACKED or set(again.sequences) == set(message.sequences)
        case rtcp.Remb():
            [again] = rtcp.parse(rtcp.build_remb(message.sender_ssrc, message.bitrate, message.ssrcs))
            assert again == message


_BLOCK = rtcp.ReportBlock(7, 12, -3, 70_000, 99, 0x1234, 0x10)
TARGET = Target(
    check,
    seeds=[
        b"\1" + each
        for each in (
            rtcp.build_sender_report(
                1, ntp=2**63, rtp_timestamp=3, packet_count=4, octet_count=5, cname="x@y", reports=[_BLOCK]
            ),
            rtcp.build_receiver_report(1, [_BLOCK, _BLOCK]),
            rtcp.build_receiver_report(1, []),
            rtcp.build_source_description(1, "ä" * 20),
            rtcp.build_goodbye([1, 2, 3]),
            rtcp.build_pli(1, 2) + rtcp.build_fir(1, 2, 3),
            rtcp.build_nack(1, 2, [3, 4, 9, 65_535, 0]),
            rtcp.build_remb(1, 2_500_000, [2, 3]),
            rtcp.pack(
                rtcp.RTPFB, rtcp.TWCC_FORMAT, bytes.fromhex("0000000100000002000000010000010020010000")
            ),
            b"\xa0\xc9\0\2" + bytes(4) + b"\0\0\0\4",
            rtcp.pack(rtcp.RTPFB, rtcp.NACK_FORMAT, bytes(8)),
            rtcp.pack(rtcp.PSFB, rtcp.FIR_FORMAT, bytes(8)),
        )
    ]
    + [b"\0" + bytes((kind, 3, 12)) + bytes(range(12)) for kind in range(6)],
    words=[bytes((0x81, kind)) for kind in _KINDS] + [b"REMB", b"\0\0", b"\xff\xff"],
)
