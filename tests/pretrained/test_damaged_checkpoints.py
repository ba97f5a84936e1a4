"""Whatever the files beside weights say, a network is built, or one message names the file and what it should be."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from weakseg.errors import NetworkUnavailable, WeaksegError
from weakseg.pretrained.pretrained import Pretrained, Untrained

VALUES = [None, True, "text", "", [], {}, -1, 0, 0.5, 3, 10**30, -(10**30), 1e300, float("nan"), float("inf")]
VALUES += [[None], ["text"], [0.5], [0.5] * 4, [-4] * 4, [10**7] * 4, {"text": {"text": []}}]


def _damaged(text: str, draw: random.Random) -> bytes:
    """A JSON file with one thing wrong."""
    settings = json.loads(text)
    name = draw.choice(sorted(settings))
    value = draw.choice(VALUES)
    return draw.choice(
        [
            lambda: json.dumps({**settings, name: value}),
            lambda: json.dumps({**settings, name: value}),
            lambda: json.dumps({**settings, name: [settings[name]]}),
            lambda: json.dumps({key: kept for key, kept in settings.items() if key != name}),
            lambda: json.dumps(value),
            lambda: text[: draw.randrange(len(text))],
            lambda: "[" * 100_000,
            lambda: text.replace(":", "\xff", 1),
        ]
    )().encode("latin-1")


def _message(make: Callable[[], torch.nn.Module]) -> str:
    """What is told; nothing where a network comes of it."""
    try:
        network = make()
    except WeaksegError as error:
        return str(error)
    assert network.eval()(torch.rand(1, 3, 32, 32)).shape[:2] == (1, 2)
    return ""


def _messages(file: Path, seeds: int, make: Callable[[], torch.nn.Module]) -> list[str]:
    """What is told of a file in so many kinds of damage; each names the file and what it should be."""
    text, told = file.read_text(), []
    for seed in range(seeds):
        file.write_bytes(_damaged(text, random.Random(seed)))
        told.append(_message(make))
    told = [message for message in told if message]
    for message in told:
        assert file.name in message
        assert "Expected: " in message or "save it as UTF-8" in message
        assert len(message) < 2000
    return told


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_damaged_file_beside_weights_is_one_message(classifier, name):
    """No library's traceback comes through, from any of forty kinds of damage."""
    assert len(_messages(classifier / name, 40, lambda: Pretrained(str(classifier)).build(3, 2))) > 10


@pytest.mark.parametrize("name", ["segformer", "dpt", "upernet_swin"])
def test_a_damaged_description_is_one_message(described, name):
    """The same of networks that have no weights."""
    file = Path(described(name)) / "config.json"
    assert len(_messages(file, 15, lambda: Untrained(str(file)).build(3, 2))) > 3


def test_a_message_of_ours_stays_what_it_was(classifier):
    """What is wrong with one file is not told as a fault of the whole checkpoint."""
    (classifier / "preprocessor_config.json").write_text('{"image_std": "half"}')
    with pytest.raises(NetworkUnavailable, match=r"^\S*preprocessor_config.json: image_std is 'half'\nExpected: 3 num"):
        Pretrained(str(classifier)).build(3, 2)
