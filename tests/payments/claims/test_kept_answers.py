"""What is kept of an answer, and how large it may be."""

import secrets
import zlib

import pytest

from app.payments.claims import kept_answers
from app.payments.claims.kept_answers import (
    QUICK_BYTES,
    UNCOMPRESSED_BYTES,
    compressed,
    restored,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "size",
    [0, 1, UNCOMPRESSED_BYTES, QUICK_BYTES, QUICK_BYTES + 1, 100 * QUICK_BYTES],
)
async def test_an_answer_is_restored_as_it_was(size: int) -> None:
    answer = (b"0123456789" * (size // 10 + 1))[:size]
    kept = await compressed(answer)
    assert kept is not None
    assert await restored(kept) == answer


@pytest.mark.parametrize("size", [UNCOMPRESSED_BYTES, QUICK_BYTES + 1])
async def test_a_large_answer_is_compressed_quickly(size: int) -> None:
    assert await compressed(bytes(size)) == zlib.compress(bytes(size), 1)


async def test_a_small_one_is_only_wrapped() -> None:
    kept = await compressed(bytes(UNCOMPRESSED_BYTES - 1))
    assert kept is not None
    assert len(kept) > UNCOMPRESSED_BYTES - 1


async def test_one_that_is_too_large_when_compressed_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = secrets.token_bytes(QUICK_BYTES)
    kept = await compressed(answer)
    assert kept is not None
    monkeypatch.setattr(kept_answers, "MAX_KEPT_BYTES", len(kept))
    assert await compressed(answer) == kept
    assert await restored(kept) == answer
    monkeypatch.setattr(kept_answers, "MAX_KEPT_BYTES", len(kept) - 1)
    assert await compressed(answer) is None
