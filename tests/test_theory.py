"""Docstrings and docs/theory.md agree on the numbers of equations."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NUMBERED = re.findall(r"\\tag\{(\d+)\}", (ROOT / "docs" / "theory.md").read_text())

# "equation 3" is ours; "equation (3)" is a paper's.
OURS = re.compile(r"[Ee]quations? (\d+)(?: (?:and|to) (\d+))?")


def cited() -> list[tuple[str, str]]:
    """(where, number) of each of our equations that a docstring names."""
    found = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                numbers = [n for match in OURS.finditer(ast.get_docstring(node) or "") for n in match.groups() if n]
                found += [(f"{path.stem}.{getattr(node, 'name', 'module')}", number) for number in numbers]
    return found


def test_equations_are_numbered_in_order():
    """1, 2, 3 ... without gap or repetition."""
    assert [str(n) for n in range(1, len(NUMBERED) + 1)] == NUMBERED


@pytest.mark.parametrize(("where", "number"), cited())
def test_cited_equation_exists(where, number):
    """A number in a docstring leads somewhere."""
    assert number in NUMBERED


def test_symbols_of_the_code_exist():
    """Names in code type on the page are names in the package."""
    text = (ROOT / "docs" / "theory.md").read_text()
    source = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    names = {name for quoted in re.findall(r"`([A-Za-z_.]+)`", text) for name in quoted.split(".")}
    names -= {"torch", "nn", "functional", "cross_entropy", "ignore_index"}
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", source)] == []
