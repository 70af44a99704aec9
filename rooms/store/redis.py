"""The store in Redis, which many nodes share.

Redis must write to its disk before it answers (`appendonly yes`, `appendfsync always`), and with `replicas`
so many others must have what was written. The key file lies beside the node, never in Redis.
"""

import time
from collections.abc import Callable
from pathlib import Path

from rooms.store import keys
from rooms.store.base import Store, StoreUnavailable
from rooms.store.codec import Codec, meeting_codec
from rooms.store.redis_events import RedisEvents
from rooms.store.redis_feed import RedisFeed
from rooms.store.redis_link import RedisLink
from rooms.store.redis_names import FORMAT, Names
from rooms.store.redis_records import LOADING, RedisRecords
from rooms.store.redis_scripts import CLAIM
from rooms.store.redis_server import RedisServer


async def open_redis(
    server: RedisServer,
    key_path: Path,
    *,
    clock: Callable[[], float] | None = None,
    codec: Codec | None = None,
) -> Store:
    """Without a `clock`, records expire by the time of Redis. The key file is made when Redis holds nothing.

    Raises StoreUnavailable.
    """
    store = RedisStore(server, key_path, clock, codec or meeting_codec())
    await store.open()
    return store


class RedisStore:
    def __init__(
        self, server: RedisServer, key_path: Path, clock: Callable[[], float] | None, codec: Codec
    ) -> None:
        self.link = RedisLink(server)
        self.names = Names(server.prefix)
        self._key_path = key_path
        self._vault: keys.Vault | None = None
        self._feed = RedisFeed(self.link, self.names, codec, self.vault)
        self.events = RedisEvents(self.link, self.names, self._feed, codec, self.vault, clock or time.time)
        self.records = RedisRecords(self.link, self.names, clock)

    async def open(self, *, loading: bool = False) -> None:
        """`loading`: a copy that was broken off is not in the way."""
        try:
            await self.link.open()
            self._vault = await self._claim(loading)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await self._feed.close()
        await self.link.close()

    def vault(self) -> keys.Vault:
        assert self._vault is not None
        return self._vault

    async def _claim(self, loading: bool) -> keys.Vault:
        """Marks what is empty as ours, and proves that the key file is that of the data."""
        meta = ["HMGET", self.names.meta, "format", "file_key", "loading"]
        [(found, fingerprint, is_loading)] = await self.link.ask(meta)
        if found not in (None, FORMAT.encode()):
            raise StoreUnavailable(
                f"what Redis holds was written by a newer version (format {found.decode()})"
            )
        if is_loading is not None and not loading:
            raise StoreUnavailable(LOADING)
        vault = keys.Vault(
            keys.shared_key(self._key_path) if fingerprint is None else keys.load_key(self._key_path)
        )
        if fingerprint is None:
            fingerprint = await self.link.change(CLAIM, [self.names.meta], [FORMAT, vault.fingerprint])
        if fingerprint != vault.fingerprint:
            raise StoreUnavailable(
                f"the key file {self._key_path} does not belong to what Redis holds: all nodes have the same"
            )
        return vault
