"""Docstrings, tests and pages agree with docs/theory.md on the names of equations."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
THEORY = (ROOT / "docs" / "theory.md").read_text()
NAMES = re.findall(r"\\tag\{(.*?)\}", THEORY)
FILES = [
    *(
        path
        for room in ("src", "tests", "benchmarks", "recipes", "docs")
        for path in sorted((ROOT / room).rglob("*.py"))
    ),
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
]

# An equation `loss` is ours; an equation (3) is a paper's.
OURS = re.compile(r"[Ee]quations?[\s#]+(`[a-z-]+`(?:(?:,| and| to)[\s#]+`[a-z-]+`)*)")


def test_each_equation_has_a_name_of_its_own():
    """Letters and hyphens: numbers would have to be changed wherever an equation is added."""
    assert [name for name in NAMES if not re.fullmatch(r"[a-z][a-z-]*", name) or NAMES.count(name) > 1] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_equations_that_are_referred_to_exist(path):
    """By their names, and none by a number."""
    text = path.read_text()
    named = [name for found in OURS.findall(text) for name in re.findall(r"`(.*?)`", found)]
    assert sorted({*named} - {*NAMES}) == []
    assert re.findall(r"[Ee]quations?[\s#]+\d+", text) == []


def test_symbols_of_the_code_exist():
    """Names in code type on the page are names in the package."""
    source = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    names = {name for quoted in re.findall(r"`([A-Za-z_.]+)`", THEORY) for name in quoted.split(".")}
    names -= {"torch", "nn", "functional", "cross_entropy", "ignore_index", *NAMES}
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", source)] == []
