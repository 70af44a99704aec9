"""Drawn portraits for synthetic cameras: a calm background, head and shoulders, a label and a running clock.

Everything is painted into three bytearrays (YUV 4:2:0, BT.601 limited range), row by row, so that a
320×180 picture costs half a millisecond.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import pi, sin, sqrt, tau

from media.lettering import Inked, ink

Yuv = tuple[int, int, int]


def yuv(rgb: str) -> Yuv:
    """`"#rrggbb"` in BT.601 limited range."""
    red, green, blue = (int(rgb[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (
        round(16 + 65.481 * red + 128.553 * green + 24.966 * blue),
        round(128 - 37.797 * red - 74.203 * green + 112.0 * blue),
        round(128 + 112.0 * red - 93.786 * green - 18.214 * blue),
    )


@dataclass(frozen=True)
class Look:
    """Colours (`#rrggbb`) and hair of one person; `phase` (0–1) keeps two people from moving alike."""

    background: str
    clothes: str
    skin: str
    hair: str
    long_hair: bool = False
    phase: float = 0.0


LOOKS = {
    "newcomer": Look("#3f6f78", "#c9803a", "#c99873", "#2b211d", long_hair=True, phase=0.1),
    "host": Look("#4b5f8a", "#274b7a", "#e6bf9f", "#8a6a3f", long_hair=True, phase=0.35),
    "interpreter": Look("#5d7a5a", "#7a3f52", "#a8744f", "#1f1a19", long_hair=True, phase=0.6),
    "officer": Look("#6c6480", "#39424e", "#deb38f", "#8a8378", phase=0.85),
    "companion": Look("#80695a", "#4f7a6b", "#c08b66", "#3a2a22", phase=0.45),
}
"""One look per role; `look` gives officers of different agencies different backgrounds."""

_TEXT = 232
_EYE = yuv("#2a2320")
_MOUTH = yuv("#7d3f3c")
_OFFICERS = ("#6c6480", "#5a7385", "#7d6a55", "#55766f")
_HAIR = ("#8a8378", "#3b2a20", "#6b4a2f", "#23201f")


def look(role: str, variant: int = 0) -> Look:
    """The look of a role; `variant` tells people of the same role apart."""
    chosen = LOOKS.get(role, LOOKS["companion"])
    if not variant and role != "officer":
        return chosen
    return Look(
        _OFFICERS[variant % 4],
        chosen.clothes,
        chosen.skin,
        _HAIR[variant % 4],
        long_hair=variant % 4 == 2,
        phase=(chosen.phase + variant * 0.23) % 1,
    )


class Planes:
    """Three planes that shapes are painted on, in pixels of the luma plane."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.luma = bytearray(width * height)
        self.blue = bytearray(width * height // 4)
        self.red = bytearray(width * height // 4)

    def copy(self) -> "Planes":
        twin = copy.copy(self)
        twin.luma, twin.blue, twin.red = self.luma[:], self.blue[:], self.red[:]
        return twin

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, colour: Yuv) -> None:
        """Between the left and the right edge; `cy` is taken to a quarter of a pixel."""
        quarters = round(cy * 4)
        top, reaches = _ellipse_rows(rx, ry, quarters % 4)
        self._shape(top + quarters // 4, reaches, cx, colour)

    def column(self, cx: float, top: float, bottom: float, half: float, colour: Yuv) -> None:
        self._shape(round(top), (half,) * (round(bottom) - round(top)), cx, colour)

    def _shape(self, top: int, reaches: Sequence[float], cx: float, colour: Yuv) -> None:
        """Rows of `reaches` to both sides of `cx`, their end pixels mixed by how much is covered."""
        width, luma, light = self.width, self.luma, colour[0]
        run, blue, red = (bytes((value,)) * width for value in colour)
        skipped = max(0, -top)
        for row, reach in enumerate(reaches[skipped : self.height - top], top + skipped):
            left, right = cx - reach, cx + reach
            first, last = int(left), int(right)
            if last == first:
                continue
            at, stop = row * width + first, row * width + last
            luma[at + 1 : stop] = run[: stop - at - 1]
            luma[at] += int((light - luma[at]) * (first + 1 - left))
            luma[stop] += int((light - luma[stop]) * (right - last))
            if row & 1:
                base = (row >> 1) * (width >> 1)
                at, stop = base + (first + 1 >> 1), base + (last + 1 >> 1)
                self.blue[at:stop] = blue[: stop - at]
                self.red[at:stop] = red[: stop - at]


@lru_cache(maxsize=256)
def _ellipse_rows(rx: float, ry: float, quarter: int) -> tuple[int, tuple[float, ...]]:
    """First row relative to the whole pixel of the centre, and half the width of every row."""
    centre = quarter / 4
    rows = range(round(centre - ry), round(centre + ry))
    return rows.start, tuple(rx * sqrt(max(0.0, 1 - ((row + 0.5 - centre) / ry) ** 2)) for row in rows)


class Plate:
    """Light text on a strip in a darker shade of `colour`, mixed once and then copied row by row."""

    def __init__(self, text: Inked, colour: Yuv, padding: int) -> None:
        ground = 16 + (colour[0] - 16) * 2 // 5
        table = bytes(ground + (_TEXT - ground) * cover // 255 for cover in range(256))
        side = bytes((ground,)) * padding
        self._chroma = tuple((value + 128) // 2 for value in colour[1:])
        self.rows = [side + row.translate(table) + side for row in text.rows]
        self.width, self.height = len(self.rows[0]), len(self.rows)

    def paint(self, planes: Planes, left: int, top: int) -> None:
        """From an even column and an even row on."""
        count = min(self.width, planes.width - left)
        for row, pixels in enumerate(self.rows):
            at = (top + row) * planes.width + left
            planes.luma[at : at + count] = pixels[:count]
        half = planes.width // 2
        across = (count + 1) // 2
        for row in range(top // 2, (top + self.height + 1) // 2):
            at = row * half + left // 2
            planes.blue[at : at + across] = bytes((self._chroma[0],)) * across
            planes.red[at : at + across] = bytes((self._chroma[1],)) * across


class Portrait:
    """A person who sways, breathes, blinks and speaks, below a sign with a label and a clock.

    All of it stays in the middle three quarters, so that wide and narrow tiles crop nothing of it.
    """

    def __init__(self, label: str, look: Look, width: int = 320, height: int = 180) -> None:
        if width % 2 or height % 2 or width < height or height < 36:
            raise ValueError("a picture needs even sides, a height of at least 36 and no less width")
        self.width, self.height = width, height
        self._look = look
        self._colours = {name: yuv(getattr(look, name)) for name in ("background", "clothes", "skin", "hair")}
        self._unit = height / 180
        self._padding = round(5 * self._unit)
        self._capital, text = self._fit(label)
        self._label = Plate(text, self._colours["background"], self._padding)
        self._clock = ("", self._label)
        self._backdrops: dict[int, Planes] = {}

    def _fit(self, label: str) -> tuple[int, Inked]:
        """The label in the largest size that leaves room for the clock, cut if none does."""
        room = self.width * 3 // 4 - 4 * self._padding
        for capital in range(max(6, round(13 * self._unit)), 5, -1):
            text = ink(label, capital)
            if not label or text.width + ink("00:00:00", capital).width <= room:
                return capital, text
        return self._fit(label[:-1])

    def _backdrop(self, glow: int) -> Planes:
        """What does not move: background and a disc that grows with the voice (`glow` 0–10)."""
        if glow in self._backdrops:
            return self._backdrops[glow]
        planes = self._backdrops[glow] = Planes(self.width, self.height)
        luma, blue, red = self._colours["background"]
        planes.luma[:] = b"".join(
            bytes((round(luma * (1.12 - 0.3 * row / self.height)),)) * self.width
            for row in range(self.height)
        )
        planes.blue[:] = bytes((blue,)) * len(planes.blue)
        planes.red[:] = bytes((red,)) * len(planes.red)
        radius, light = self._unit * (56 + glow), round(luma * 1.2 + 2.6 * glow)
        planes.ellipse(self.width / 2, self._unit * 96, radius * 1.12, radius, (light, blue, red))
        return planes

    def draw(self, at: float, clock: str, level: float = 0.0) -> Planes:
        """The picture `at` seconds; `level` (0–1) is how loud the person speaks."""
        planes = self._backdrop(round(10 * min(1.0, max(0.0, level)))).copy()
        self._person(planes, at, level)
        if self._clock[0] != clock:
            self._clock = (clock, Plate(self._digits(clock), self._colours["clothes"], self._padding))
        face, top = self._clock[1], round(25 * self._unit) & ~1
        left = (self.width - self._label.width - face.width) // 2 & ~1
        face.paint(planes, left + self._label.width & ~1, top)
        self._label.paint(planes, left, top)
        return planes

    def _digits(self, clock: str) -> Inked:
        """The clock, character by character, so that every digit is drawn once."""
        parts = [ink(character, self._capital) for character in clock]
        rows = tuple(b"".join(part.rows[row] for part in parts) for row in range(parts[0].height))
        return Inked(len(rows[0]), rows)

    def _person(self, planes: Planes, at: float, level: float) -> None:
        unit, turn = self._unit, at / 9 + self._look.phase
        colour = self._colours
        middle = self.width / 2 + unit * 4 * sin(tau * turn)
        head = middle + unit * 2.5 * sin(tau * turn * 1.7)
        breath = unit * 1.2 * sin(tau * at / 4.2)
        nod = unit * 2.5 * level * sin(tau * at * 1.3)
        y = unit * 94 + nod
        skin = colour["skin"]
        shade = (skin[0] - 22, skin[1], skin[2])
        if self._look.long_hair:
            planes.ellipse(head, y + unit * 16, unit * 36, unit * 48, colour["hair"])
        planes.ellipse(middle, unit * 196 + breath, unit * 80, unit * 62, colour["clothes"])
        planes.column((head + middle) / 2, y + unit * 20, unit * 140 + breath, unit * 12, shade)
        planes.ellipse(middle, unit * 136 + breath, unit * 17, unit * 9, shade)
        planes.ellipse(head, y - unit * 6, unit * 30, unit * 35, colour["hair"])
        planes.ellipse(head, y + unit * 2, unit * 25, unit * 31, skin)
        planes.ellipse(head, y - unit * 26, unit * 21, unit * 9, colour["hair"])
        self._face(planes, head, y, at, level)

    def _face(self, planes: Planes, head: float, y: float, at: float, level: float) -> None:
        unit = self._unit
        eye = unit * (0.8 if (at + 7 * self._look.phase) % 4.3 < 0.2 else 2.6)
        for side in (-1, 1):
            planes.ellipse(head + side * unit * 9, y + unit * 1, unit * 2.3, eye, _EYE)
        opening = unit * (1.2 + round(level * 5) * sin(pi * at * 2.3) ** 2)
        planes.ellipse(head, y + unit * 18, unit * 8, round(opening * 2) / 2, _MOUTH)
