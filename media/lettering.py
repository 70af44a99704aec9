"""A small stroke alphabet of our own, for labels and clocks in drawn pictures.

A glyph is a list of strokes in a grid where capitals are 7 high, small letters 5, the baseline is 0 and
y points up. `L x y x y …` is a line through points (one point twice is a dot), `A cx cy rx ry from to`
an arc in degrees, anticlockwise from the right. Accented letters are the base letter plus its mark.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil, cos, hypot, radians, sin

Point = tuple[float, float]

_STROKES = {
    "A": "L 0 0 2.4 7 4.8 0;L .8 2.4 4 2.4",
    "B": "L 0 3.6 0 7 2.2 7;A 2.2 5.3 1.7 1.7 90 -90;L 2.5 3.6 0 3.6 0 0 2.5 0;A 2.5 1.8 1.8 1.8 90 -90",
    "C": "A 2.6 3.5 2.6 3.5 48 312",
    "D": "L 1.6 7 0 7 0 0 1.6 0;A 1.6 3.5 3 3.5 90 -90",
    "E": "L 3.9 0 0 0 0 7 3.9 7;L 0 3.6 3.4 3.6",
    "F": "L 0 0 0 7 3.9 7;L 0 3.5 3.3 3.5",
    "G": "A 2.6 3.5 2.6 3.5 48 354;L 5.2 3.1 3.1 3.1",
    "H": "L 0 0 0 7;L 4.6 0 4.6 7;L 0 3.6 4.6 3.6",
    "I": "L 0 0 0 7",
    "J": "L 3 7 3 1.8;A 1.5 1.8 1.5 1.8 0 -150",
    "K": "L 0 0 0 7;L 4.2 7 0 2.6;L 1.5 4.1 4.4 0",
    "L": "L 0 7 0 0 3.8 0",
    "M": "L 0 0 0 7 2.8 2 5.6 7 5.6 0",
    "N": "L 0 0 0 7 4.6 0 4.6 7",
    "O": "A 2.8 3.5 2.8 3.5 0 360",
    "P": "L 0 0 0 7 2.3 7;A 2.3 5.1 1.9 1.9 90 -90;L 2.3 3.2 0 3.2",
    "Q": "A 2.8 3.5 2.8 3.5 0 360;L 3.4 1.8 5.4 -.4",
    "R": "L 0 0 0 7 2.3 7;A 2.3 5.1 1.9 1.9 90 -90;L 0 3.2 2.2 3.2 4.4 0",
    "S": "A 2.2 5.25 1.95 1.75 40 270;A 2.2 1.75 2.1 1.75 90 -145",
    "T": "L 0 7 4.8 7;L 2.4 7 2.4 0",
    "U": "L 0 7 0 2.3;A 2.3 2.3 2.3 2.3 180 360;L 4.6 2.3 4.6 7",
    "V": "L 0 7 2.4 0 4.8 7",
    "W": "L 0 7 1.7 0 3.4 6.4 5.1 0 6.8 7",
    "X": "L 0 0 4.6 7;L 0 7 4.6 0",
    "Y": "L 0 7 2.4 3.2 4.8 7;L 2.4 3.2 2.4 0",
    "Z": "L 0 7 4.4 7 0 0 4.4 0",
    "a": "A 1.9 2.5 1.9 2.5 0 360;L 3.8 5 3.8 0",
    "b": "L 0 7.2 0 0;A 1.9 2.5 1.9 2.5 0 360",
    "c": "A 1.95 2.5 1.95 2.5 48 312",
    "d": "A 1.9 2.5 1.9 2.5 0 360;L 3.8 7.2 3.8 0",
    "e": "L 0 2.6 3.9 2.6;A 1.95 2.5 1.95 2.5 0 315",
    "f": "A 2.2 5.7 1.3 1.5 75 180;L .9 5.7 .9 0;L 0 4.7 2.3 4.7",
    "g": "A 1.9 2.5 1.9 2.5 0 360;L 3.8 5 3.8 -.3;A 1.9 -.3 1.9 1.7 0 -140",
    "h": "L 0 7.2 0 0;A 1.8 3.2 1.8 1.8 180 0;L 3.6 3.2 3.6 0",
    "i": "L 0 5 0 0;L 0 6.9 0 6.9",
    "j": "L 1 5 1 -.7;A 0 -.7 1 1.3 0 -100;L 1 6.9 1 6.9",
    "k": "L 0 7.2 0 0;L 3.2 4.9 0 1.9;L 1.2 3 3.5 0",
    "l": "L 0 7.2 0 0",
    "m": "L 0 5 0 0;A 1.5 3.4 1.5 1.6 180 0;L 3 3.4 3 0;A 4.5 3.4 1.5 1.6 180 0;L 6 3.4 6 0",
    "n": "L 0 5 0 0;A 1.8 3.2 1.8 1.8 180 0;L 3.6 3.2 3.6 0",
    "o": "A 2 2.5 2 2.5 0 360",
    "p": "L 0 5 0 -2;A 1.9 2.5 1.9 2.5 0 360",
    "q": "A 1.9 2.5 1.9 2.5 0 360;L 3.8 5 3.8 -2",
    "r": "L 0 5 0 0;A 1.7 3.2 1.7 1.8 180 75",
    "s": "A 1.6 3.75 1.5 1.25 35 270;A 1.6 1.25 1.6 1.25 90 -145",
    "t": "L .9 6.6 .9 1.3;A 2.2 1.3 1.3 1.3 180 285;L 0 4.8 2.5 4.8",
    "u": "L 0 5 0 1.8;A 1.8 1.8 1.8 1.8 180 360;L 3.6 5 3.6 0",
    "v": "L 0 5 1.9 0 3.8 5",
    "w": "L 0 5 1.4 0 2.8 4.6 4.2 0 5.6 5",
    "x": "L 0 0 3.6 5;L 0 5 3.6 0",
    "y": "L 0 5 1.9 .2;L 3.8 5 1.3 -2 .3 -2",
    "z": "L 0 5 3.4 5 0 0 3.4 0",
    "0": "A 2.1 3.5 2.1 3.5 0 360",
    "1": "L .5 5.6 2.3 7 2.3 0",
    "2": "A 2.1 5 2 2 165 -35;L 3.75 3.9 .1 0 4.2 0",
    "3": "A 2 5.3 1.8 1.7 150 -90;A 2 1.8 2.1 1.8 90 -150",
    "4": "L 3.2 0 3.2 7 0 2.2 4.4 2.2",
    "5": "L 3.9 7 .7 7 .4 3.7;A 2 2.2 2.1 2.2 138 -145",
    "6": "A 2.1 2.1 2.1 2.1 0 360;A 3.6 2.1 3.6 4.9 180 95",
    "7": "L 0 7 4.2 7 1.4 0",
    "8": "A 2.1 5.3 1.75 1.7 0 360;A 2.1 1.8 2.1 1.8 0 360",
    "9": "A 2.1 4.9 2.1 2.1 0 360;A .6 4.9 3.6 4.9 0 -85",
    ":": "L .3 .4 .3 .4;L .3 4.4 .3 4.4",
    ".": "L .3 .1 .3 .1",
    ",": "L .5 .2 0 -1.2",
    "'": "L .2 7.2 0 5.8",
    "-": "L 0 2.8 2.4 2.8",
    "·": "L .3 2.8 .3 2.8",
    "/": "L 0 -.6 3 7.4",
    "(": "A 2.4 3 2.4 4.6 125 235",
    ")": "A -1 3 2.4 4.6 55 -55",
    "?": "A 1.8 5.2 1.8 1.8 160 -60;L 2.7 3.6 1.8 2.9 1.8 2.2;L 1.8 .1 1.8 .1",
}
_MARKS = {
    "\u030a": "A 0 .5 .8 .8 0 360",
    "\u0308": "L -1 .3 -1 .3;L 1 .3 1 .3",
    "\u0301": "L -.3 0 .6 1.2",
    "\u0300": "L .3 0 -.6 1.2",
    "\u0303": "L -1 .2 -.4 .7 .4 .2 1 .7",
}
_DIGIT_WIDTH = 4.4
_SPACE = 2.4
_GAP = 1.7
_HALF_STROKE = 0.52
ASCENT, DESCENT = 10.0, 2.8
"""Room above and below the baseline in grid units, marks on capitals included."""


@dataclass(frozen=True)
class Inked:
    """A drawn text: `rows` of coverage, one byte a pixel, 0 (nothing) to 255 (full)."""

    width: int
    rows: tuple[bytes, ...]

    @property
    def height(self) -> int:
        return len(self.rows)


def _points(stroke: str, dx: float, dy: float) -> list[Point]:
    kind, *numbers = stroke.split()
    values = [float(number) for number in numbers]
    if kind == "L":
        return [(x + dx, y + dy) for x, y in zip(values[::2], values[1::2], strict=True)]
    cx, cy, rx, ry, start, end = values
    steps = max(4, ceil(abs(end - start) / 15))
    angles = (radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return [(cx + dx + rx * cos(angle), cy + dy + ry * sin(angle)) for angle in angles]


def _glyph(character: str) -> tuple[list[list[Point]], float]:
    """Strokes and width; a character that the alphabet lacks has neither."""
    decomposed = unicodedata.normalize("NFD", character)
    base, marks = decomposed[0], decomposed[1:]
    strokes = [_points(stroke, 0, 0) for stroke in _STROKES.get(base, "").split(";") if stroke]
    if not strokes:
        return [], _SPACE if base == " " else 0.0
    width = max(x for stroke in strokes for x, _ in stroke)
    top = 8.0 if base.isupper() else 6.4
    for mark in marks:
        strokes += [_points(part, width / 2, top) for part in _MARKS.get(mark, "").split(";") if part]
    return strokes, max(width, _DIGIT_WIDTH) if base.isdigit() else width


def _distance(x: float, y: float, segment: tuple[float, float, float, float]) -> float:
    x1, y1, x2, y2 = segment
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    along = 0.0 if not length else max(0.0, min(1.0, ((x - x1) * dx + (y - y1) * dy) / length))
    return hypot(x - x1 - along * dx, y - y1 - along * dy)


@lru_cache(maxsize=256)
def ink(text: str, capital: int) -> Inked:
    """Draw `text` with capitals `capital` pixels high; unknown characters leave no mark."""
    scale = capital / 7.0
    half = _HALF_STROKE * scale
    height = ceil((ASCENT + DESCENT) * scale)
    pieces: list[list[bytes]] = []
    for character in text:
        strokes, width = _glyph(character)
        if strokes or width:
            pieces.append(_rasterize(strokes, ceil((width + _GAP) * scale), height, scale, half))
    rows = tuple(b"".join(piece[row] for piece in pieces) for row in range(height))
    return Inked(len(rows[0]), rows)


def _rasterize(strokes: list[list[Point]], width: int, height: int, scale: float, half: float) -> list[bytes]:
    margin = _GAP / 2 * scale
    placed = [[(margin + x * scale, (ASCENT - y) * scale) for x, y in stroke] for stroke in strokes]
    segments = [(*one, *two) for stroke in placed for one, two in pairwise(stroke)]
    rows = []
    for row in range(height):
        y = row + 0.5
        near = [s for s in segments if min(s[1], s[3]) - half - 1 < y < max(s[1], s[3]) + half + 1]
        if not near:
            rows.append(bytes(width))
            continue
        cover = (half + 0.5 - min(_distance(x + 0.5, y, s) for s in near) for x in range(width))
        rows.append(bytes(int(255 * max(0.0, min(1.0, value))) for value in cover))
    return rows
