"""What the worker answers when a request cannot be carried out, and why it does not start."""

from __future__ import annotations


class WorkerError(Exception):
    """`code` is stable: unknown_transport, unknown_producer, unknown_consumer, unknown_method, not_allowed,
    cannot_consume, invalid_parameters, duplicate_id, stale_revision, limit_reached, wrong_direction,
    wrong_state, worker_failed, worker_lost, internal_error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class PortTaken(OSError):
    """The port cannot be bound; the message says which and why."""
