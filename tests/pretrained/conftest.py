"""Tiny checkpoints and configs, written afresh for each test."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_networks import CONFIGS


@pytest.fixture
def described(tmp_path: Path) -> Callable[[str], str]:
    """The folder of one of the configs above."""

    def write(name: str) -> str:
        folder = tmp_path / name
        CONFIGS[name]().save_pretrained(folder)
        return str(folder)

    return write
