"""Cases of people who run on-call, where their folder is present: what they met, and what is right.

A case is one request to a paid product and what its answer must hold, or some requests to the
stored APIs (``sto``). ``REPLAYED`` says which kinds, by the first part of their names, are replayed
here; whoever mends another kind adds it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

FOLDER = Path(__file__).parents[3] / "shared" / "cases"
"""Beside the repository. The project works without it."""
REPLAYED = ("ics", "sch", "sto")

Case = Mapping[str, Any]


def _gap_starts(answer: Mapping[str, Any]) -> Sequence[str]:
    return [gap["start"] for gap in answer.get("gaps", ())]


def _gaps(answer: Mapping[str, Any]) -> Sequence[Sequence[str]]:
    return [[gap["start"], gap["end"]] for gap in answer["gaps"]]


def _segments(answer: Mapping[str, Any]) -> Sequence[Sequence[str]]:
    return [[each["start"], each["end"], each["user_id"]] for each in answer["final_schedule"]]


def _on_call(answer: Mapping[str, Any]) -> Sequence[str]:
    return list(dict.fromkeys(each["user_id"] for each in answer["final_schedule"]))


def _user_ids(answer: Mapping[str, Any]) -> Sequence[Sequence[str]]:
    return [each.get("user_ids", [each["user_id"]]) for each in answer["final_schedule"]]


def _persons(answer: Mapping[str, Any]) -> Sequence[str | None]:
    return [shift["person"] for shift in answer["rotation"]]


def _starts_local(answer: Mapping[str, Any]) -> Sequence[str]:
    return [shift["startLocal"][:16] for shift in answer["rotation"]]


def _unknown(answer: Mapping[str, Any]) -> Sequence[str]:
    return [error["pointer"] for error in answer.get("errors", ())]


EXPECTED: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "gap_starts": _gap_starts,
    "gaps": _gaps,
    "on_call": _on_call,
    "persons": _persons,
    "segments": _segments,
    "starts_local": _starts_local,
    "unknown": _unknown,
    "user_ids": _user_ids,
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
    held = {name: EXPECTED[name](answer.json()) for name in names}
    if any("*" in each for each in case["expect"].get("segments", ())):  # whoever has them
        held["segments"] = [[start, end, "*"] for start, end, _ in held["segments"]]
    return {"status": answer.status_code, **held}
