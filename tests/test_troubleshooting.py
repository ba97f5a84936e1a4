"""docs/troubleshooting.md explains messages that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
MESSAGES = re.findall(r"^\| `(.*?)` \|", PAGE, flags=re.MULTILINE)


def texts() -> list[str]:
    """Every string of the package; those of an f-string without what is put in."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "src").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


TEXTS = texts()


@pytest.mark.parametrize("message", MESSAGES)
def test_each_message_is_one_of_the_package(message):
    """Apart from names and numbers, which the page writes as an ellipsis."""
    parts = [part.strip() for part in message.split("…")]
    assert [part for part in parts if part and not any(part in text for text in TEXTS)] == []
