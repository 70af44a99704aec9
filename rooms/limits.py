"""Bounds of a meeting. Seconds, characters and counts."""

MAX_STATIONS = 20
MAX_PARTICIPANTS = 200
MAX_OFFICERS = 8
"""Officers of one station: the few who are needed."""
MAX_OFFICERS_EVER = 40
"""Of one station, those who were removed included."""
MAX_PARTY = 500
MAX_LANGUAGES = 8
MAX_LANGUAGE = 35
"""Characters of a language tag."""
LANGUAGE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$"
"""A BCP 47 tag, roughly."""
MAX_NAME = 100
MAX_PURPOSE = 300
MAX_MESSAGE = 2000
MAX_MESSAGES = 5000
"""Messages of one meeting."""
MAX_MESSAGES_EACH = 1000
"""Messages of one participant, so that nobody uses up what is there for all."""
MAX_LINE = 500
"""Characters of a line that is written letter by letter."""
MAX_LINE_ID = 40
MAX_LINES = 20_000
"""Finished lines of one meeting: a day of one who interprets in writing."""
MAX_LINES_EACH = 10_000
CORRECTABLE = 5
"""So many of somebody's lines, the newest, can still be corrected."""
MAX_MINUTES = 480
MAX_BREAK = 120
"""Minutes of a break between two stations."""

QUESTION_LIFETIME = 180.0
"""An unanswered consent question lapses after this."""
QUESTION_PAUSE = 60.0
"""No new question may be asked this soon after the last one: nobody is worn down to a yes."""

MAX_TERMS = 300
"""Words that the interpreters of one meeting write down."""
MAX_TERM = 120
HANDOVER_LIFETIME = 60.0
"""An offer that nobody answers lapses after this."""
HANDOVER_COUNTDOWN = 3.0
"""From a colleague's yes to their first word."""

CALL_LIFETIME = 900.0
"""A call for an interpreter that nobody answers lapses after this."""
MAX_CALLS = 4
"""Interpreters that a meeting waits for at once."""

SIGNAL_PAUSE = 3.0
"""The same signal of the same person this soon after is the same one still."""
SIGNALS = frozenset(
    {"not_understood", "slower", "repeat", "one_at_a_time", "cannot_hear", "hand", "help", "break"}
)
