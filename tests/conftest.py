"""How hypothesis runs here: without deadlines, because a slow machine says nothing about the code.

In CI the examples are few and the same every time, so that a red run is about the change, and soon there; elsewhere
each run tries a hundred new ones.
The campaign of docs/reliability.md is 10,000 examples a test: `pytest --hypothesis-profile=campaign tests/...`.
Beside it, what tests of several rooms need.
"""

import importlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import settings

CI = "CI" in os.environ
settings.register_profile("weakseg", deadline=None, derandomize=CI, max_examples=20 if CI else 100)
settings.register_profile("campaign", deadline=None, max_examples=10_000)
settings.load_profile("weakseg")


@pytest.fixture
def asked(monkeypatch):
    """What was looked up or connected to, on a machine where the hub's client believes in a network."""
    constants = importlib.import_module("huggingface_hub.constants")

    found = []

    def refuse(*given, **_):
        found.append(given)
        raise OSError("there is no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return found


@pytest.fixture
def short_epochs(monkeypatch):
    """Epochs of chosen recipes have two steps: small folders are repeated otherwise, until there are 25."""
    monkeypatch.setattr("weakseg.recipe.default._LEAST_STEPS", 2)


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """An image classifier's checkpoint for seven classes, in half precision, with its preprocessing."""
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.MobileNetV2Config(depth_multiplier=0.1, num_labels=7)
    folder = tmp_path / "classifier"
    transformers.MobileNetV2ForImageClassification(config).half().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"image_mean": [0.5, 0.25, 0.5], "image_std": [0.5, 0.5, 0.2]}')
    return folder


@pytest.fixture
def described(tmp_path):
    """The folder of one of the configs of `tiny_networks`."""
    from tiny_networks import CONFIGS

    def write(name: str) -> str:
        folder = tmp_path / name
        CONFIGS[name]().save_pretrained(folder)
        return str(folder)

    return write
