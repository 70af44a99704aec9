"""Whether an H.264 payload begins a picture that can be decoded on its own. No bytes make it raise."""

_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28


def h264_keyframe(payload: bytes) -> bool:
    """A packet that holds an IDR slice or a parameter set, or begins one (RFC 6184: single, STAP-A, FU-A)."""
    if not payload:
        return False
    kind = payload[0] & 31
    if kind == _STAP_A:
        return _aggregate_has_keyframe(payload)
    if kind == _FU_A:
        return len(payload) > 2 and payload[1] & 0x80 != 0 and payload[1] & 31 in (_IDR, _SPS)
    return kind in (_IDR, _SPS)


def _aggregate_has_keyframe(payload: bytes) -> bool:
    at, size = 1, len(payload)
    while at + 2 < size:
        if payload[at + 2] & 31 in (_IDR, _SPS):
            return True
        at += 2 + int.from_bytes(payload[at : at + 2], "big")
    return False
