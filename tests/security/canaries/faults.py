"""What is done to the service before it starts: nothing but hurry, or a fault that must be found."""

from media import client
from rooms import policy, views
from rooms.drafts import Draft
from rooms.meeting import Meeting, Message
from rooms.people import Participant
from rooms.rules import consents
from signaling import writing

WORKERS = "tests.security.canaries.workers"


def none() -> None:
    """A question may follow the one before at once."""
    consents.QUESTION_PAUSE = 0.0


def open_questions_do_not_matter() -> None:
    none()
    policy._cut = lambda state, one, other: False


def what_was_read_can_be_read_for_ever() -> None:
    none()
    views.sees_message = _was_read


def _was_read(state: Meeting, reader: Participant, message: Message) -> bool:
    return reader.id in message.seen_by


def who_began_to_read_reads_on() -> None:
    none()
    writing.narrowed = _unchanged


def _unchanged(draft: Draft, state: Meeting) -> Draft:
    return draft


def everybody_sees_the_whole_day() -> None:
    none()
    views.sees_station = lambda state, viewer, station: True


def nothing_is_too_old() -> None:
    none()
    client.PROGRAM = f"{WORKERS}.without_threshold"


def who_is_gone_is_answered() -> None:
    none()
    client.PROGRAM = f"{WORKERS}.answering_the_gone"


def forbidding_takes_its_time() -> None:
    none()
    client.PROGRAM = f"{WORKERS}.slow_to_forbid"
