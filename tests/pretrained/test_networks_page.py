"""The code of docs/networks.md runs."""

import re
from pathlib import Path

import torch

PAGE = Path(__file__).parents[2] / "docs" / "networks.md"


def test_the_examples_run():
    """Each block runs on its own, and the network of one's own meets the contract it explains."""
    every = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    # The hub is stood in for in tests/commands/test_hub.py.
    blocks = [block for block in every if "owner/hearts" not in block]
    assert len(blocks) == len(every) - 1 == 2
    names: dict = {}
    for block in blocks:
        names = {"__name__": "page"}
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["network"](torch.rand(2, 6, 32, 48)).shape == (2, 4, 8, 12)
