"""Why a command was rejected. Codes are part of the public contract: add, never rename."""

from enum import StrEnum


class Reason(StrEnum):
    MEETING_ENDED = "meeting_ended"
    MEETING_EXISTS = "meeting_exists"
    MEETING_UNKNOWN = "meeting_unknown"
    NOT_ALLOWED = "not_allowed"
    PARTICIPANT_UNKNOWN = "participant_unknown"
    PARTICIPANT_EXISTS = "participant_exists"
    PARTICIPANT_REMOVED = "participant_removed"
    STATION_UNKNOWN = "station_unknown"
    STATION_FINAL = "station_final"
    STATION_NOT_ACTIVE = "station_not_active"
    STATION_ALREADY_ACTIVE = "station_already_active"
    AGENCY_MISMATCH = "agency_mismatch"
    STATION_FULL = "station_full"
    PAUSED = "meeting_paused"
    NOT_PAUSED = "meeting_not_paused"
    ALREADY_PAUSED = "meeting_already_paused"
    QUESTION_OPEN = "question_open"
    QUESTION_UNKNOWN = "question_unknown"
    QUESTION_TOO_SOON = "question_too_soon"
    CONSENT_UNKNOWN = "consent_unknown"
    CONSENT_NEEDED = "consent_needed"
    HANDOVER_OPEN = "handover_open"
    HANDOVER_UNKNOWN = "handover_unknown"
    CALL_UNKNOWN = "call_unknown"
    FLOOR_LOST = "floor_lost"
    TOO_MANY_MESSAGES = "too_many_messages"
    TEXT_GONE = "text_gone"
    TEXT_OUT_OF_STEP = "text_out_of_step"
    LINE_UNKNOWN = "line_unknown"
    INVALID = "invalid"


class Rejected(Exception):
    """A command the meeting does not accept; nothing has changed. `reason` is the stable code."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
