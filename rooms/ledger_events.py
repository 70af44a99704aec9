"""What is written into an agency's own stream, `agency/<id>`: the interpreting that it pays for."""

from dataclasses import dataclass

from rooms.event import Event
from rooms.people import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpretingBooked(Event):
    """`interpreter` (a participant of `meeting`, called `name`) worked at `station` from `begins` to `ends`,
    for `among` stations at once. `reverses`: what was booked so is taken back.

    There is nothing in it of the person whom the meeting was for but the languages.
    """

    agency: str
    meeting: str
    site: str
    station: int
    interpreter: str
    name: str
    kind: Kind
    languages: tuple[str, ...]
    begins: float
    ends: float
    among: int
    reverses: bool = False


LEDGER_EVENTS: tuple[type[Event], ...] = (InterpretingBooked,)
