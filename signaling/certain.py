"""Whether a change was made, also when the store did not answer in time."""

from collections.abc import Awaitable, Mapping
from typing import Any

from rooms.store.base import Records, StoreUnavailable


async def certainly(
    change: Awaitable[bool], records: Records, kind: str, key: str, value: Mapping[str, Any]
) -> bool:
    """Was `value` written, which nobody else would write? Raises StoreUnavailable as long as nobody knows."""
    try:
        return await change
    except StoreUnavailable:
        held = await records.get(kind, key)
        if held is None or held.value != value:
            raise
        return True
