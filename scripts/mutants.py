"""Change the code that money and limits depend on, and see whether a test notices each change.

mutmut makes the mutants and runs them, each against the tests of its part that run the changed
function, quick ones first. It works in ``build/mutants/PART`` and stores each result there: a run
that was stopped goes on, and after a change of the code only the functions that changed are tried
again. Survivors that nothing explains are tried again every time, because tests change, too.

Fails if a survivor is not explained in ``scripts/mutants.toml``, if fewer than 95 % of a part's
mutants are killed, or if some were not tried. Names the explanations that explain nothing any more.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from mutmut.configuration import reset_config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

ROOT = Path(__file__).resolve().parent.parent
REASONS = ROOT / "scripts" / "mutants.toml"
MUTMUT = Path(sysconfig.get_path("scripts")) / "mutmut"

LEAST_KILLED = 0.95
TEST_SECONDS = 20
"""A test that takes longer has met a loop without end; the slowest of these takes three."""
MEMORY_BYTES = 4 * 1024**3
"""What such a loop may collect."""
MARKERS = "not (postgres or browser or process or chain or image or slow)"

KILLED = ("killed", "timeout", "segfault")
NOT_TRIED = ("not checked", "check was interrupted by user")


@dataclass(frozen=True)
class Part:
    """The ``files`` that are mutated, and the ``tests`` that must notice it, both from the root."""

    files: Sequence[str]
    tests: Sequence[str]


PARTS = {
    "layered": Part(["app/engine/layered/*"], ["tests/engine/layered"]),
    "limiter": Part(
        ["app/http/rate_limit*", "app/http/large_bodies.py"],
        [
            "tests/http/test_large_bodies.py",
            "tests/http/test_rate_limit_storage.py",
            "tests/http/test_rate_limited_route.py",
            "tests/http/test_rate_limits.py",
            "tests/http/test_rate_limits_shared.py",
        ],
    ),
    "payments": Part(["app/payments/*"], ["tests/payments"]),
    "checkout": Part(["app/checkout/*"], ["tests/checkout"]),
}


@dataclass(frozen=True)
class Change:
    """A change of one function: the lines that go, and those that come instead, without indents."""

    function: str
    line: str
    mutated: str

    def __str__(self) -> str:
        removed, added = (text.replace("\n", "\n      ") for text in (self.line, self.mutated))
        return f"{self.function}\n    - {removed}\n    + {added}"


@dataclass(frozen=True)
class Mutant:
    """A mutant of mutmut's, and what became of it at the last try."""

    name: str
    status: str
    path: Path

    @property
    def survives(self) -> bool:
        """Whether it was tried, and no test noticed it."""
        return self.status not in (*KILLED, *NOT_TRIED)

    def change(self) -> Change:
        """What it changes. Works in the folder of its part only."""
        module, _, mangled = self.name.rpartition(".")
        function = mangled.rpartition("__mutmut_")[0].removeprefix("x_").removeprefix("xǁ")
        lines = get_diff_for_mutant(self.name, path=self.path).splitlines()[2:]  # without the head
        line, mutated = ("\n".join(_without_indent(lines, sign)) for sign in "-+")
        return Change(f"{module}.{function.replace('ǁ', '.')}", line, mutated)


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutation testing.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at a time")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    reasons = read_reasons()
    good = [mutate(name, reasons, options.jobs) for name in options.parts or PARTS]
    sys.exit(not all(good))


def read_reasons() -> Mapping[Change, str]:
    """Read which changes are known to change nothing that a caller can notice, and why."""
    return {
        Change(entry["function"], entry["line"], mutated): entry["because"]
        for entry in tomllib.loads(REASONS.read_text())["same"]
        for mutated in entry["mutated"]
    }


def mutate(name: str, reasons: Mapping[Change, str], jobs: int) -> bool:
    """Try the mutants of one part, and print what became of them; return whether all is well."""
    print(f"{name}: mutants of {' '.join(PARTS[name].files)}", flush=True)
    with chdir(work_folder(name, PARTS[name])):
        reset_config()
        forget_survivors(reasons)
        command = [MUTMUT, "run", f"--max-children={jobs}"]
        plugin = {"PYTEST_PLUGINS": "tests.support.few_examples"}
        if subprocess.run(command, env={**os.environ, **plugin}, check=False).returncode:
            sys.exit("mutmut stopped; what it said is above")
        return report([mutant for _, mutant in mutants()], reasons)


def work_folder(name: str, part: Part) -> Path:
    """Make the folder in which mutmut works: the project, linked, and mutmut's configuration."""
    folder = ROOT / "build" / "mutants" / name
    folder.mkdir(parents=True, exist_ok=True)
    for entry in ("app", "docs", "pyproject.toml", "tests"):
        if not (folder / entry).is_symlink():
            (folder / entry).symlink_to(ROOT / entry)
    shutil.rmtree(folder / "mutants" / "tests", ignore_errors=True)  # it may hold removed tests
    pytest_options = ["-p", "no:cacheprovider", "--hypothesis-seed=0", f"--timeout={TEST_SECONDS}"]
    options = {
        "source_paths": ["app"],
        "only_mutate": part.files,
        "also_copy": ["docs"],
        "pytest_add_cli_args_test_selection": part.tests,
        "pytest_add_cli_args": [*pytest_options, "-m", MARKERS],
        "timeout_constant": [str(TEST_SECONDS)],
        "timeout_multiplier": ["3"],
    }
    lines = (f"{option} =\n  " + "\n  ".join(values) for option, values in options.items())
    (folder / "setup.cfg").write_text("\n".join(["[mutmut]", *lines]) + "\n")
    return folder


def forget_survivors(reasons: Mapping[Change, str]) -> None:
    """Have the survivors of the last run tried again, but those that are explained."""
    for data, mutant in mutants():
        if mutant.survives and mutant.change() not in reasons:
            data.exit_code_by_key[mutant.name] = None
            data.save()


def mutants() -> Iterator[tuple[SourceFileMutationData, Mutant]]:
    """Yield the mutants of the part in whose folder this runs, with their last results."""
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        for name, exit_code in data.exit_code_by_key.items():
            yield data, Mutant(name, status_by_exit_code[exit_code], path)


def report(found: Sequence[Mutant], reasons: Mapping[Change, str]) -> bool:
    """Print the figures of a part by module, and what must be seen to; return whether all is well.

    That is: everything was tried, enough was killed, and every survivor is explained.
    """
    figures: dict[str, Counter[str]] = defaultdict(Counter)
    unexplained: list[str] = []
    unused = {change for change in reasons if _is_of(change, found)}
    for mutant in found:
        fate = "killed" if mutant.status in KILLED else "not tried"
        if mutant.survives:
            change = mutant.change()
            unused.discard(change)
            fate = "same" if change in reasons else "alive"
            if fate == "alive":
                unexplained.append(f"{mutant.name} ({mutant.status})\n  {change}")
        figures[str(mutant.path)].update([fate, "all"])
    total = sum(figures.values(), Counter())
    print(f"\n{'':45}" + "".join(f"{fate:>10}" for fate in FATES))
    for path, counts in [*figures.items(), ("together", total)]:
        print(f"{path:45}" + "".join(f"{counts[fate]:10}" for fate in FATES))
    print(f"{total['killed'] / total['all']:.1%} killed; at least {LEAST_KILLED:.0%} must be\n")
    for text in unexplained:
        print(f"survives without a test or a reason: {text}")
    for change in unused:
        print(f"{REASONS.name} explains what no longer survives: {change}")
    enough = total["killed"] >= LEAST_KILLED * total["all"]
    return enough and not unexplained and not total["not tried"]


FATES = ("all", "killed", "same", "alive", "not tried")
"""``same`` survive and are explained, ``alive`` are not."""


def _is_of(change: Change, found: Sequence[Mutant]) -> bool:
    modules = {".".join(mutant.path.with_suffix("").parts) for mutant in found}
    return any(change.function.startswith(f"{module}.") for module in modules)


def _without_indent(lines: Sequence[str], sign: str) -> Iterator[str]:
    return (line[1:].strip() for line in lines if line.startswith(sign))


if __name__ == "__main__":
    main()
