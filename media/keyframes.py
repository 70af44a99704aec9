"""Whether a video payload begins a picture that can be decoded on its own. No bytes make these raise."""


def vp8_keyframe(payload: bytes) -> bool:
    """First packet of a VP8 key frame (RFC 7741 §4.2–4.3: S set, partition 0, P clear)."""
    start = _vp8_header_size(payload)
    return 0 < start < len(payload) and payload[0] & 0x17 == 0x10 and not payload[start] & 1


def _vp8_header_size(payload: bytes) -> int:
    """Bytes of the payload descriptor, 0 when it is cut off."""
    size = len(payload)
    if size < 1:
        return 0
    if not payload[0] & 0x80:
        return 1
    if size < 2:
        return 0
    flags, at = payload[1], 2
    if flags & 0x80:
        if size < 3:
            return 0
        at += 2 if payload[2] & 0x80 else 1
    if flags & 0x40:
        at += 1
    if flags & 0x30:
        at += 1
    return at


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
