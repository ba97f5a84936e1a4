"""Annotation files damaged at random, for tests and for docs/damaged_annotations.py."""

import json
import random
from copy import deepcopy
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring, tostring

STRANGE = (
    *(None, True, "", "x", "-1", "nan", "1e999", -1, 0, 0.5, 1e308, float("nan"), float("inf"), 10**400, 2**31, 2**63),
    *([], {}, [[]], [None], [1e308, -1e308], {"": None}, "\0", "a\nb", "é" * 300, "../../x", "[" * 2000, "9" * 5000),
)
"""Values that no program writes there, or that one writes when it fails."""


def damaged(content: str | bytes, chance: random.Random) -> str | bytes:
    """A damaged file: its text, its structure or its bytes."""
    if isinstance(content, bytes):
        if chance.random() < 0.6:
            return _bytes(content, chance)
        return _text(content.decode("latin-1"), chance).encode("latin-1")
    kind = chance.choice((_text, _json, _xml))
    return kind(content, chance)


def _text(text: str, chance: random.Random) -> str:
    """Letters are lost, changed and doubled; the end is lost."""
    for _ in range(chance.randint(1, 3)):
        at, length = chance.randrange(len(text)), chance.randint(1, 12)
        instead = chance.choice(["", "null", "-1", "1e999", '"x"', "[]", "{}", "999999999999999999999", text[:length]])
        text = text[:at] + instead + text[at + length :]
        text = text or "{"
    return text[: chance.randrange(len(text)) + 1] if chance.random() < 0.1 else text


def _bytes(content: bytes, chance: random.Random) -> bytes:
    """Some numbers are others; nothing is moved."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        at, length = chance.randrange(len(changed)), chance.choice([1, 1, 2, 4, 8])
        value = chance.choice([b"\0", b"\xff", b"\x7f", bytes([chance.randrange(256)])]) * length
        changed[at : at + length] = value[: len(changed) - at]
    return bytes(changed)


def _json(text: str, chance: random.Random) -> str:
    """One to three values are others, or are there twice."""
    try:
        content = json.loads(text)
    except ValueError:
        return _text(text, chance)
    for _ in range(chance.randint(1, 3)):
        places = list(_places(content))
        if not places:
            break
        parent, key = chance.choice(places)
        if isinstance(parent, list) and chance.random() < 0.2:
            parent.extend([deepcopy(parent[key])] * chance.choice([1, 50]))
        else:
            # A copy, because the next change may go into it.
            parent[key] = deepcopy(chance.choice(STRANGE))
    return json.dumps(content)


def _places(content: Any):
    """Every place in lists and tables."""
    pairs = enumerate(content) if isinstance(content, list) else content.items() if isinstance(content, dict) else ()
    for key, value in list(pairs):
        yield content, key
        yield from _places(value)


def _xml(text: str, chance: random.Random) -> str:
    """One to three attributes or texts are others."""
    try:
        root = fromstring(text)
    except ParseError:
        return _json(text, chance)
    elements = list(root.iter())
    for _ in range(chance.randint(1, 3)):
        element, value = chance.choice(elements), str(chance.choice(STRANGE)).replace("\0", "")
        if element.attrib and chance.random() < 0.7:
            element.set(chance.choice(list(element.attrib)), value)
        else:
            element.text = value
    return tostring(root, encoding="unicode")
