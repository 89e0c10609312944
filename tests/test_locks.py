"""The lock files: every file of every package is known by its hash, and both agree."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKED = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?: ; [^\\\n]+)?"
    r"(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
)
SERVICE = (*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"])
EXTRAS = [each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra]


def locked(name: str) -> dict[str, str]:
    """The version of each package in a lock file, which holds nothing but packages and hashes."""
    header, _, text = (ROOT / name).read_text().partition("\n")
    assert header.startswith("# Written by scripts/lock.py.")
    found = {match["name"]: match["version"] for match in LOCKED.finditer(text)}
    assert LOCKED.sub("", text) == ""
    return found


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("requirements.lock", SERVICE), ("requirements-dev.lock", (*SERVICE, *EXTRAS))],
)
def test_a_lock_holds_what_the_project_asks_for(name: str, wanted: tuple[str, ...]) -> None:
    versions = locked(name)
    for requirement in map(Requirement, wanted):
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}: {version}"


def test_both_locks_have_the_same_versions() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()
