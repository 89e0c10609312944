"""What code and prose cite is there: rules by number, documents and their sections, files.

Strategy: a citation is read off the text with line breaks taken out, so it may run over a line.

- ``rule 3 of `payments.md` `` names its document, and so does ``[rule 3](payments.md#…)``. A bare
  ``rule 3`` is of the document it stands in, or else of the only document of rules that its file
  names; a file that names none, or two, must say which it means.
- A name in backquotes that ends like a file's is a file beside the citing one or in a folder above
  it, in ``docs`` or in ``app``; one that begins with a folder of the repository, or of ``app``, may
  also be a folder or a module without its suffix. What git ignores need not be there.
- A link in Markdown is a file as seen from the citing one, and its anchor a heading of it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS, APP = ROOT / "docs", ROOT / "app"
FOLDERS = ("app", "bench", "deploy", "docs", "examples", "scripts", "tests")
RULED = ("rotation.md", "schedules.md", "payments.md")
"""The documents of ``docs`` whose rules have numbers."""

RULES = re.compile(
    r"\b[Rr]ules? (\d+(?:(?:,| to| and|, and) \d+)*)"
    r"(?: of `+([\w-]+\.md)`+|\]\((?:[\w./-]*/)?([\w-]+\.md)(?:#[\w-]*)?\))?"
)
SECTION = re.compile(r"`+([\w-]+\.md)`+, ([A-Z][\w ]*)[).;:]")
QUOTED = re.compile(r"(?<!`)(`{1,2})([\w-][\w./-]*)\1(?!`)")
LINK = re.compile(r"\]\(([^()\s#]*)(#[^()\s]*)?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
IGNORED = (ROOT / ".gitignore").read_text().split()
FILE = re.compile(r".*[\w-]\.(?:py|md|json|txt|lua|vy|ts|mjs|sh|svg|ya?ml|conf|toml)")


def citing_files() -> Iterator[Path]:
    """Every Python and Markdown file but this one, which has broken citations in it."""
    found = chain(ROOT.glob("*.md"), *((ROOT / folder).rglob("*.[pm][yd]") for folder in FOLDERS))
    for path in found:
        if path != Path(__file__).resolve() and "node_modules" not in path.parts:
            yield path


def rules_cited(text: str, path: Path) -> Iterator[tuple[int, str]]:
    """Each rule that a file cites, and its document; an empty one where that cannot be told."""
    usual = {path.name} if path.parent == DOCS else set()
    named = usual.intersection(RULED) or {name for name in RULED if f"`{name}`" in text}
    for match in RULES.finditer(_in_one_line(text)):
        document = match[2] or match[3] or (next(iter(named)) if len(named) == 1 else "")
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", match[1]):
            yield from ((number, document) for number in range(int(first), int(last or first) + 1))


def rule_faults(text: str, path: Path) -> list[str]:
    """The rules, and the sections of documents, that a file cites and that there are not."""
    faults = [
        f"rule {number} of {document or 'which document?'}"
        for number, document in rules_cited(text, path)
        if number not in rules_of(document)
    ]
    return faults + [
        f"{document}, {section}"
        for document, section in SECTION.findall(_in_one_line(text))
        if section not in headings_of(DOCS / document)
    ]


def file_faults(text: str, path: Path) -> list[str]:
    """The files, and the headings in them, that a file cites and that there are not."""
    faults = [name for _, name in QUOTED.findall(text) if not _is_there(name, path)]
    links = LINK.findall(FENCED.sub("", text)) if path.suffix == ".md" else []
    for target, anchor in links:
        if ":" in target or "{" in target:
            continue  # another site, or a template's
        file = path.parent / target if target else path
        if not file.exists() or (anchor and anchor[1:] not in map(_anchor, headings_of(file))):
            faults.append(target + anchor)
    return faults


def rules_of(document: str) -> Sequence[int]:
    """The numbers of a document's rules, in the order of the document."""
    if document not in RULED:
        return []
    numbers = (re.match(r"Rule (\d+): ", heading) for heading in headings_of(DOCS / document))
    return [int(number[1]) for number in numbers if number]


def _in_one_line(text: str) -> str:
    """A text without its line breaks, nor what begins the lines of a comment."""
    return re.sub(r"\s*\n\s*(?:#:? )?", " ", text)


@cache
def headings_of(file: Path) -> Sequence[str]:
    return HEADING.findall(FENCED.sub("", file.read_text())) if file.is_file() else []


def _anchor(heading: str) -> str:
    """What GitHub calls a heading in an address."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _is_there(name: str, citing: Path) -> bool:
    """Whether a name in backquotes is no path at all, or one that exists."""
    begins = name.partition("/")[0] if "/" in name else ""
    if not FILE.fullmatch(name) and not _is_folder(begins):
        return True
    if any(fnmatch(name, pattern) for pattern in IGNORED):
        return True
    above = [folder for folder in citing.parents if folder.is_relative_to(ROOT)]
    if FILE.fullmatch(name):
        return any((folder / name).is_file() for folder in (*above, DOCS, APP))
    return any(_is_kept(folder / name) for folder in (ROOT, APP))


def _is_folder(begins: str) -> bool:
    return begins in FOLDERS or (bool(begins) and (APP / begins).is_dir())


def _is_kept(path: Path) -> bool:
    """Whether there is a module of this name or a folder with files, caches apart."""
    return path.is_file() or path.with_name(f"{path.name}.py").is_file() or any(path.glob("*.*"))


@pytest.mark.parametrize("faults_in", [rule_faults, file_faults])
def test_everything_that_is_cited_is_there(faults_in: Callable[[str, Path], list[str]]) -> None:
    faults = [
        f"{path.relative_to(ROOT)}: {fault}"
        for path in citing_files()
        for fault in faults_in(path.read_text(), path)
    ]
    assert not faults, "\n".join(faults)


def test_the_engine_cites_its_rules() -> None:
    cited = {
        citation
        for path in citing_files()
        if path.suffix == ".py"
        for citation in rules_cited(path.read_text(), path)
    }
    assert cited >= {(number, "schedules.md") for number in range(1, 12)}


@pytest.mark.parametrize("document", RULED)
def test_rules_are_numbered_from_one_without_a_hole(document: str) -> None:
    numbers = rules_of(document)
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_every_module_of_the_glossary_is_there() -> None:
    cells = re.findall(r"\| `([\w/]+)` \|$", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert len(cells) > 50
    assert [cell for cell in cells if not _is_kept(APP / cell)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("rule 2 of ``schedules.md``", [(2, "schedules.md")], id="named"),
        pytest.param("rule 2\n    # of ``schedules.md``", [(2, "schedules.md")], id="over a line"),
        pytest.param("[rule 1](docs/payments.md#rule-1)", [(1, "payments.md")], id="linked"),
        pytest.param(
            "(rules 1 to 3 and 5). See ``rotation.md``.",
            [(number, "rotation.md") for number in (1, 2, 3, 5)],
            id="the only document of the file",
        ),
        pytest.param("rule 2, and ``rotation.md``, ``payments.md``", [(2, "")], id="of which"),
        pytest.param("rule 2", [(2, "")], id="of none"),
        pytest.param("rules across fields; the rule that 3 is odd", [], id="no number"),
    ],
)
def test_rules_are_read_off_a_text(text: str, found: list[tuple[int, str]]) -> None:
    assert list(rules_cited(text, APP / "settings.py")) == found


def test_a_document_means_its_own_rules() -> None:
    text = "rule 1, unlike rule 2 of `rotation.md`"
    cited = list(rules_cited(text, DOCS / "payments.md"))
    assert cited == [(1, "payments.md"), (2, "rotation.md")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("rule 99 of ``schedules.md``", "rule 99 of schedules.md"),
        ("rules 30 to 99 of\n``schedules.md``", "rule 99 of schedules.md"),
        ("rule 1 of ``scaling.md``", "rule 1 of scaling.md"),
        ("(rule 7)", "rule 7 of which document?"),
        ("(``schedules.md``, Nowhere)", "schedules.md, Nowhere"),
    ],
)
def test_a_broken_citation_of_a_rule_is_found(text: str, fault: str) -> None:
    assert fault in rule_faults(text, APP / "settings.py")


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("app/settings.py", "``nowhere.md``", "nowhere.md"),
        ("app/settings.py", "``nothing.py``", "nothing.py"),
        ("app/settings.py", "``bench/nothing.py``", "bench/nothing.py"),
        ("app/settings.py", "``tests/nothing``", "tests/nothing"),
        ("app/settings.py", "`payments/nothing`", "payments/nothing"),
        ("docs/payments.md", "[x](nowhere.md)", "nowhere.md"),
        ("docs/payments.md", "[x](docs/payments.md)", "docs/payments.md"),
        ("docs/payments.md", "[x](schedules.md#nothing)", "schedules.md#nothing"),
        ("docs/payments.md", "![x](#nothing)", "#nothing"),
    ],
)
def test_a_broken_citation_of_a_file_is_found(name: str, text: str, fault: str) -> None:
    assert file_faults(text, ROOT / name) == [fault]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app/payments/settlement.py", "``settlement.py`` ``chain.py`` ``settings.py`` ``a/b``"),
        ("app/settings.py", "``payments.md`` ``bench/fairness.md`` ``tests/chain`` ``app/``"),
        ("app/settings.py", "`deploy/oncall.env` `data/oncall.db` `oncall.env`"),
        ("app/settings.py", "`payments/settlement` `payments` `/llms.txt` ``/nothing.md``"),
        ("docs/payments.md", "[x](schedules.md#rule-2-wall-clock-and-instant) [y](../README.md)"),
        ("docs/payments.md", "[x](https://x402.org) [y](#rule-1-asking-is-free)"),
        ("docs/payments.md", "```json\n[x](nowhere)\n```\n"),
    ],
)
def test_a_whole_citation_is_no_fault(name: str, text: str) -> None:
    assert file_faults(text, ROOT / name) == []
