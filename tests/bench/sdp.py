"""Session descriptions (RFC 8866) for servers that want them, from and to mediasoup's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench.traffic import (
    EXTENSIONS,
    ICE_FRAGMENT,
    ICE_PASSWORD,
    MIDS,
    PAYLOAD_TYPE,
    TRANSPORT_CC,
    VOICE_TYPE,
    ssrc,
)

_MAPS = {"video": f"{PAYLOAD_TYPE} VP8/90000", "audio": f"{VOICE_TYPE} opus/48000/2"}
_FEEDBACK = {"video": ("nack", "nack pli", "ccm fir", "transport-cc"), "audio": ("transport-cc",)}
_TAKEN = {"video": "VP8/90000", "audio": "opus/48000"}


def offer(dtls: Mapping[str, Any], number: int, kinds: Sequence[str]) -> str:
    """What the source of that number sends; ours is the DTLS client."""
    sections = []
    for kind in kinds:
        type_ = _MAPS[kind].partition(" ")[0]
        source = ssrc(kind, number)
        sections.append(
            (
                kind,
                MIDS[kind],
                type_,
                [
                    "a=sendonly",
                    f"a=msid:bench{number} {kind}{number}",
                    f"a=rtpmap:{_MAPS[kind]}",
                    *(f"a=rtcp-fb:{type_} {feedback}" for feedback in _FEEDBACK[kind]),
                    *(f"a=extmap:{id_} {uri}" for uri, id_ in EXTENSIONS.items()),
                    f"a=ssrc:{source} cname:bench{number}",
                    f"a=ssrc:{source} msid:bench{number} {kind}{number}",
                ],
            )
        )
    return _whole(dtls, sections)


def answer(dtls: Mapping[str, Any], offered: str) -> str:
    """Take every VP8 and Opus that is offered, and a channel for data that nobody uses. Congestion feedback
    by transport-cc is left out."""
    sections = []
    for section in offered.split("\r\nm=")[1:]:
        lines = section.split("\r\n")
        kind, _, protocol, *types = lines[0].split()
        attributes = [line for line in lines[1:] if line.startswith("a=")]
        mid = next(line.removeprefix("a=mid:") for line in attributes if line.startswith("a=mid:"))
        if kind == "application":
            sections.append((f"{kind} 9 {protocol}", mid, types[0], ["a=sctp-port:5000"]))
            continue
        taken = next(
            (
                type_
                for type_ in types
                for line in attributes
                if line.startswith(f"a=rtpmap:{type_} {_TAKEN.get(kind, '-')}")
            ),
            None,
        )
        if taken is None:
            sections.append((f"{kind} 0 {protocol}", mid, types[0], ["a=inactive"]))
            continue
        kept = [
            line
            for line in attributes
            if line.startswith((f"a=rtpmap:{taken} ", f"a=rtcp-fb:{taken} ", "a=extmap:"))
            and "transport-cc" not in line
            and TRANSPORT_CC not in line
        ]
        sections.append((kind, mid, taken, ["a=recvonly", *kept]))
    return _whole(dtls, sections)


def _whole(dtls: Mapping[str, Any], sections: Sequence[tuple[str, str, str, Sequence[str]]]) -> str:
    """The candidate is a stand-in: ours is learnt from its checks (RFC 8445 section 7.3.1.3)."""
    fingerprint = next(each for each in dtls["fingerprints"] if each["algorithm"] == "sha-256")
    mids = " ".join(mid for _, mid, _, lines in sections if "a=inactive" not in lines)
    whole = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
    for kind, mid, type_, lines in sections:
        whole += [
            f"m={kind} {type_}" if " " in kind else f"m={kind} 9 UDP/TLS/RTP/SAVPF {type_}",
            "c=IN IP4 127.0.0.1",
            f"a=ice-ufrag:{ICE_FRAGMENT}",
            f"a=ice-pwd:{ICE_PASSWORD}",
            f"a=fingerprint:{fingerprint['algorithm']} {fingerprint['value']}",
            "a=setup:active",
            f"a=mid:{mid}",
            "a=rtcp-mux",
            "a=rtcp-rsize",
            *lines,
            "a=candidate:1 1 udp 2113937151 127.0.0.1 9 typ host",
            "a=end-of-candidates",
        ]
    return "\r\n".join(whole) + "\r\n"


def description(sdp: str) -> dict[str, Any]:
    """The remote end's parameters out of its session description."""
    values: dict[str, str] = {}
    candidates = []
    for line in sdp.splitlines():
        name, _, value = line.removeprefix("a=").partition(":")
        if name == "candidate":
            fields = value.split()
            if fields[1] == "1" and fields[2].lower() == "udp" and ":" not in fields[4]:
                candidates.append(
                    {"protocol": "udp", "ip": fields[4], "port": int(fields[5]), "priority": int(fields[3])}
                )
        else:
            values.setdefault(name, value)
    algorithm, _, fingerprint = values["fingerprint"].partition(" ")
    return {
        "iceParameters": {"usernameFragment": values["ice-ufrag"], "password": values["ice-pwd"]},
        "iceCandidates": candidates,
        "dtlsParameters": {
            "fingerprints": [{"algorithm": algorithm, "value": fingerprint}],
            "role": "server",
        },
    }
