"""What every event of a meeting has in common."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`at`: when it happened; `actor`: the participant, staff member or system part behind it; `request`: the
    call that brought it about, on the first event of a batch."""

    VERSION: ClassVar[int] = 1
    at: float
    actor: str
    request: str | None = None
