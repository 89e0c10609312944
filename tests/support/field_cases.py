"""Cases of people who run on-call, where their folder is present: what they met, and what is right.

A case is one request to a paid product and what its answer must hold. ``REPLAYED`` says which
kinds, by the first part of their names, are replayed here; whoever mends another kind adds it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

FOLDER = Path(__file__).parents[3] / "shared" / "cases"
"""Beside the repository. The project works without it."""
REPLAYED = ("ics",)

Case = Mapping[str, Any]


def _gap_starts(answer: Mapping[str, Any]) -> Sequence[str]:
    return [gap["start"] for gap in answer.get("gaps", ())]


def _persons(answer: Mapping[str, Any]) -> Sequence[str | None]:
    return [shift["person"] for shift in answer["rotation"]]


def _starts_local(answer: Mapping[str, Any]) -> Sequence[str]:
    return [shift["startLocal"][:16] for shift in answer["rotation"]]


EXPECTED: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "gap_starts": _gap_starts,
    "persons": _persons,
    "starts_local": _starts_local,
}
"""What a case may expect of an answer, and where it stands there."""


def field_cases(kinds: Sequence[str] = REPLAYED) -> Sequence[Case]:
    """The cases of these kinds that this can tell right from wrong; none without the folder."""
    path = FOLDER / "field.json"
    if not path.exists():
        return ()
    cases = json.loads(path.read_text("utf-8"))
    return [case for case in cases if case["id"].partition("-")[0] in kinds]


def found(case: Case, answer: httpx.Response) -> Mapping[str, Any]:
    """What the answer holds of all that the case expects; a refusal has its status alone."""
    names = case["expect"].keys() - {"status"} if answer.status_code == 200 else ()
    return {
        "status": answer.status_code,
        **{name: EXPECTED[name](answer.json()) for name in names},
    }
