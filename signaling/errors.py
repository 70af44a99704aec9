"""Errors with a stable code that reach a client; each door renders them in its own form."""


class ServiceError(Exception):
    """`code` is part of the public contract: add, never rename."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ServiceUnavailable(ServiceError):
    """A part of the service does not answer now; trying again later may work."""

    def __init__(self, code: str = "unavailable", message: str = "the service cannot do this now") -> None:
        super().__init__(code, message)
