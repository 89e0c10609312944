"""The names of keys in Redis: those that one script touches, in one slot of a Redis Cluster.

Strategy: payers are spread over ``SHARDS`` shards, and each shard has its own stream of settlements
and its own set of open claims. All its names carry its number as their hash tag, so that one script
can touch a claim, its payer, the stream and the set. One server has one shard and no tags.
"""

from zlib import crc32

from msgspec import Struct

PREFIX = "oncall:claim:"
PAYER_PREFIX = "oncall:payer:"
STREAM = "oncall:settlements"
"""The settlements that are not in the database yet, oldest first."""
OPEN = "oncall:open"
"""The keys of claims with an unknown outcome, by when they are to be looked up, in seconds."""

SHARDS = 256
"""Of a cluster. Many, so that each of a dozen nodes has about as many payers; few enough for all
streams to be read every two seconds. Another number would lose what is in Redis."""
PAYER_PART = 3
"""The place of the payer in a claim's key, between colons."""


class ClaimKeys(Struct, frozen=True):
    """The names of keys where claims are spread over so many ``shards``."""

    shards: int = 1

    def of(self, key: str, payer: str = "") -> list[str]:
        """Return the names for the claim ``key``: it, ``payer``, its stream, its open claims."""
        return self._names(self._shard_of(key), key, payer)

    def of_shard(self, shard: int) -> list[str]:
        """Return the names of the stream and the open claims of a shard, in the same places."""
        return self._names(shard, "", "")

    def _names(self, shard: int, key: str, payer: str) -> list[str]:
        if self.shards == 1:
            return [PREFIX + key, PAYER_PREFIX + payer, STREAM, OPEN]
        tag = f"{{{shard}}}"
        return [
            f"{PREFIX}{tag}:{key}",
            f"{PAYER_PREFIX}{tag}:{payer}",
            f"{STREAM}:{tag}",
            f"{OPEN}:{tag}",
        ]

    def _shard_of(self, key: str) -> int:
        parts = key.split(":", PAYER_PART + 1)
        payer = parts[PAYER_PART] if len(parts) > PAYER_PART else key
        return crc32(payer.lower().encode()) % self.shards
