"""RTCP: what is built is parsed back, compounds are validated, and only `ValueError` is ever raised."""

import struct
from contextlib import suppress

import pytest
from aiortc import rtp as peer
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp

words = st.integers(0, 0xFFFFFFFF)
reports = st.builds(
    rtcp.ReportBlock,
    ssrc=words,
    fraction_lost=st.integers(0, 255),
    cumulative_lost=st.integers(-0x800000, 0x7FFFFF),
    highest_sequence=words,
    jitter=words,
    lsr=words,
    dlsr=words,
)


@given(words, st.integers(0, 2**64 - 1), words, words, words, st.lists(reports, max_size=31))
def test_a_sender_report_comes_back_with_its_canonical_name(
    ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, blocks: list[rtcp.ReportBlock]
) -> None:
    data = rtcp.build_sender_report(
        ssrc,
        ntp=ntp,
        rtp_timestamp=timestamp,
        packet_count=packets,
        octet_count=octets,
        cname="röst",
        reports=blocks,
    )
    assert rtcp.parse(data) == [
        rtcp.SenderReport(ssrc, ntp, timestamp, packets, octets, tuple(blocks)),
        rtcp.SourceDescription(((ssrc, "röst"),)),
    ]


@given(words, st.lists(reports, max_size=70))
def test_receiver_reports_take_as_many_packets_as_they_need(
    ssrc: int, blocks: list[rtcp.ReportBlock]
) -> None:
    parsed = rtcp.parse(rtcp.build_receiver_report(ssrc, blocks))
    assert all(isinstance(each, rtcp.ReceiverReport) and each.ssrc == ssrc for each in parsed)
    assert [
        block for each in parsed if isinstance(each, rtcp.ReceiverReport) for block in each.reports
    ] == blocks


@given(st.text(max_size=300))
def test_a_canonical_name_of_any_length_keeps_the_packet_whole(cname: str) -> None:
    [parsed] = rtcp.parse(rtcp.build_source_description(5, cname.encode("utf-8", "replace").decode()))
    assert isinstance(parsed, rtcp.SourceDescription)
    assert [ssrc for ssrc, _ in parsed.names] == [5]


@given(words, words, st.sets(st.integers(0, 500), min_size=1), st.integers(0, 0xFFFF))
def test_a_nack_names_exactly_the_lost_packets_across_the_wrap(
    sender: int, media: int, offsets: set[int], start: int
) -> None:
    lost = [(start + offset) & 0xFFFF for offset in sorted(offsets)]
    assert rtcp.parse(rtcp.build_nack(sender, media, lost)) == [rtcp.Nack(sender, media, tuple(lost))]


def test_a_nack_shares_masks_and_ignores_repeats() -> None:
    data = rtcp.build_nack(1, 2, [65535, 65535, 0, 15, 16])
    assert data[12:] == struct.pack("!HHHH", 65535, 1 << 0 | 1 << 15, 16, 0)
    with pytest.raises(ValueError, match="at least one"):
        rtcp.build_nack(1, 2, [])


@given(words, st.integers(0, 2**40), st.lists(words, max_size=20))
def test_remb_keeps_eighteen_bits_of_the_bitrate(sender: int, bitrate: int, ssrcs: list[int]) -> None:
    [parsed] = rtcp.parse(rtcp.build_remb(sender, bitrate, ssrcs))
    assert isinstance(parsed, rtcp.Remb)
    assert (parsed.sender_ssrc, parsed.ssrcs) == (sender, tuple(ssrcs))
    assert bitrate * (1 - 2**-17) <= parsed.bitrate <= bitrate


@pytest.mark.parametrize("length", range(9))
def test_every_chunk_of_a_source_description_is_found_behind_the_padding_of_the_one_before(
    length: int,
) -> None:
    """Chunks end with one to four zero bytes, on a whole word (RFC 3550 §6.5)."""
    first = struct.pack("!LBB", 7, 1, length) + b"a" * length
    first += bytes(4 - len(first) % 4)
    second = struct.pack("!LBB", 8, 2, 1) + b"n" + b"\x01\x01b" + bytes(2)
    [parsed] = rtcp.parse(rtcp.pack(rtcp.SDES, 2, first + second))
    assert parsed == rtcp.SourceDescription(((7, "a" * length), (8, "b")))


def test_small_messages_come_back() -> None:
    assert rtcp.parse(rtcp.build_pli(1, 2)) == [rtcp.PictureLossIndication(1, 2)]
    assert rtcp.parse(rtcp.build_fir(1, 2, 258)) == [rtcp.FullIntraRequest(1, ((2, 2),))]
    assert rtcp.parse(rtcp.build_goodbye([1, 2])) == [rtcp.Goodbye((1, 2))]


def test_another_implementation_reads_what_we_build() -> None:
    data = rtcp.build_sender_report(
        1,
        ntp=2,
        rtp_timestamp=3,
        packet_count=4,
        octet_count=5,
        cname="a",
        reports=[rtcp.ReportBlock(6, 7, -8, 9, 10)],
    )
    data += rtcp.build_pli(1, 2) + rtcp.build_nack(1, 2, [3, 4, 30]) + rtcp.build_remb(1, 250_000, [2])
    sender, names, loss, nack, remb = peer.RtcpPacket.parse(data)
    assert sender.sender_info.packet_count == 4
    assert sender.reports[0].packets_lost == -8
    assert names.chunks[0].items == [(1, b"a")]
    assert (loss.fmt, loss.media_ssrc) == (1, 2)
    assert nack.lost == [3, 4, 30]
    assert peer.unpack_remb_fci(remb.fci) == (250_000, [2])


def test_kinds_without_a_use_are_passed_by() -> None:
    transport_feedback = rtcp.pack(rtcp.RTPFB, rtcp.TWCC_FORMAT, bytes(16))
    extended_report = rtcp.pack(207, 0, bytes(4))
    parsed = rtcp.parse(transport_feedback + extended_report)
    assert parsed == [rtcp.RtcpBlock(205, 15, bytes(16)), rtcp.RtcpBlock(207, 0, bytes(4))]
    assert rtcp.parse(rtcp.pack(rtcp.PSFB, 15, bytes(16))) == [rtcp.RtcpBlock(206, 15, bytes(16))]


def test_padding_is_cut_from_the_last_packet_only() -> None:
    padded = bytes([0xA0 | 1, 206, 0, 3]) + bytes(8) + b"\0\0\0\4"
    assert rtcp.parse(rtcp.build_pli(1, 2) + padded)[1] == rtcp.PictureLossIndication(0, 0)
    with pytest.raises(ValueError, match="padding"):
        rtcp.parse(padded + rtcp.build_pli(1, 2))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81\xce\x00",
        b"\x41\xce\x00\x00",
        b"\x81\xce\x00\x02" + bytes(4),
        b"\x81\xce\x00\x00",
        b"\x80\xc8\x00\x01" + bytes(4),
        b"\x81\xc9\x00\x01" + bytes(4),
        b"\x81\xcb\x00\x00",
        b"\x81\xca\x00\x02" + bytes(4) + b"\x01\xff\x00\x00",
        b"\x82\xca\x00\x02" + bytes(8),
        b"\x81\xcd\x00\x02" + bytes(8),
        b"\x84\xce\x00\x03" + bytes(12),
        b"\x8f\xce\x00\x03" + bytes(8) + b"REMB",
        b"\x8f\xce\x00\x04" + bytes(8) + b"REMB" + b"\x01\x00\x00\x00",
        b"\xa1\xce\x00\x02" + bytes(8),
        rtcp.build_pli(1, 2) + b"\x00",
    ],
)
def test_malformed_compounds_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="RTCP"):
        rtcp.parse(data)


@given(st.binary(max_size=120))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        rtcp.parse(data)


@given(
    st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207]),
    st.integers(0, 31),
    st.binary(max_size=80).map(lambda body: body + bytes(-len(body) % 4)),
)
def test_any_body_of_a_known_kind_is_parsed_or_refused(kind: int, count: int, body: bytes) -> None:
    with suppress(ValueError):
        assert len(rtcp.parse(rtcp.pack(kind, count, body))) == 1


@given(st.binary(max_size=60))
def test_any_remb_body_is_parsed_or_refused(rest: bytes) -> None:
    with suppress(ValueError):
        rtcp.parse_block(rtcp.RtcpBlock(206, 15, bytes(8) + b"REMB" + rest))
