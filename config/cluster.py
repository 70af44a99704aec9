"""The settings of a node: one of several services that share a Redis."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from config.kinds import Frozen, Seconds


def _address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must be an address such as http://10.0.0.1:8080")
    return value.rstrip("/")


class Cluster(Frozen):
    """`name`: as it stands in `/n/<name>/`, of this node alone. `url`: where the other nodes reach it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")] | None = None
    url: Annotated[str, AfterValidator(_address)] | None = None
    sites: tuple[str, ...] = ()
    """The sites whose meetings it takes first; without any, all alike."""
    lifetime: Seconds = 5.0
    """A node that has not been heard of for so long is replaced."""
    orphan_limit: Seconds = 120.0
    """A node that has not reached Redis for so long ends its media."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.orphan_limit < self.lifetime:
            raise ValueError("orphan_limit must not be shorter than lifetime")
        return self
