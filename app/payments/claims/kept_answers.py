"""Answers as they are kept with their receipts: compressed, and at most so large.

Strategy: a replay must cost next to nothing, so the answer that was paid for is kept. One that is
too large is not, and is then computed again. Work that could hold the event loop up is done in a
thread: zlib lets go of the interpreter meanwhile.
"""

import asyncio
import zlib

MAX_KEPT_BYTES = 256 * 1024
"""How large a kept answer may be, compressed: an answer of some megabytes is about that."""
UNCOMPRESSED_BYTES = 1024
"""A smaller answer is not worth compressing."""
QUICK_BYTES = 64 * 1024
"""Compressing or restoring so much takes about a millisecond."""


async def compressed(answer: bytes) -> bytes | None:
    """Compress ``answer`` for keeping; ``None`` if it is too large to be kept."""
    level = 1 if len(answer) >= UNCOMPRESSED_BYTES else 0
    if len(answer) <= QUICK_BYTES:
        kept = zlib.compress(answer, level)
    else:
        kept = await asyncio.to_thread(zlib.compress, answer, level)
    return kept if len(kept) <= MAX_KEPT_BYTES else None


async def restored(kept: bytes) -> bytes:
    """Restore the answer that ``compressed`` made ``kept`` of."""
    if len(kept) <= QUICK_BYTES // 16:
        return zlib.decompress(kept)
    return await asyncio.to_thread(zlib.decompress, kept)
