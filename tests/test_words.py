"""One word, one meaning: prose has none of the words that docs/conventions.md retires."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GLOSSARY = (ROOT / "docs" / "conventions.md").read_text().partition("## Words")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\|.*\|$", GLOSSARY, re.MULTILINE)]
RETIRED = [word for *_, words in ROWS[2:] for word in words.split(", ") if word]
# An option such as --images is a name.
FORBIDDEN = re.compile(rf"(?<![-\w])({'|'.join(RETIRED)})\b", re.IGNORECASE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
PYTHON = sorted((ROOT / "src").rglob("*.py"))
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def prose(path: Path) -> str:
    """Docstrings, comments and other strings of a source file; a page without code, and without the glossary itself."""
    text = path.read_text()
    if path.suffix == ".md":
        return CODE.sub("", text.replace(GLOSSARY, ""))
    strings = [each.value for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Constant)]
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [each.string for each in tokens if each.type == tokenize.COMMENT]
    return CODE.sub("", "\n".join([*(each for each in strings if isinstance(each, str)), *comments]))


@pytest.mark.parametrize("path", [*PYTHON, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_word_that_was_retired(path):
    """The glossary says which word to take in its place."""
    assert sorted({found.lower() for found in FORBIDDEN.findall(prose(path))}) == []


def test_names_in_code_are_no_prose(tmp_path):
    """A docstring, a comment and a message are read, names and code in backticks are not; whole words only."""
    page = tmp_path / "sample.py"
    page.write_text('"""One, `two`."""\nthree = f"four {five}"  # six\n')
    assert prose(page).split() == ["One,", ".", "four", "#", "six"]
