"""The most expensive reads of an organisation that has everything in the largest size."""

from pathlib import Path

import pytest

from bench.stored_worst_reads import REQUESTS, measured

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MIB = 1024 * 1024


async def test_their_bytes_and_their_memory(tmp_path: Path) -> None:
    took = {request: each async for request, each in measured(f"sqlite:///{tmp_path}/oncall.db")}
    assert took.keys() == set(REQUESTS)
    assert {path: each.status for (_, path), each in took.items() if each.status != 200} == {}
    assert {each: one for each, one in took.items() if one.answer_bytes > 16 * MIB} == {}
    assert {each: one for each, one in took.items() if one.peak_bytes > 64 * MIB} == {}
