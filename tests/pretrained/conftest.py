"""Tiny checkpoints and configs, written afresh for each test."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from tiny_networks import CONFIGS


@pytest.fixture
def described(tmp_path: Path) -> Callable[[str], str]:
    """The folder of one of the configs above."""

    def write(name: str) -> str:
        folder = tmp_path / name
        CONFIGS[name]().save_pretrained(folder)
        return str(folder)

    return write


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """An image classifier's checkpoint for seven classes, in half precision, with its preprocessing."""
    torch.manual_seed(1)
    config = transformers.MobileNetV2Config(depth_multiplier=0.1, num_labels=7)
    folder = tmp_path / "classifier"
    transformers.MobileNetV2ForImageClassification(config).half().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"image_mean": [0.5, 0.25, 0.5], "image_std": [0.5, 0.5, 0.2]}')
    return folder
