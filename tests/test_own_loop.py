"""The code of docs/own_loop.md runs as it stands there."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "own_loop.md").read_text()


@pytest.mark.filterwarnings("ignore")  # the other libraries' own
def test_every_block_of_the_page_runs_after_those_before_it(tmp_path, monkeypatch):
    """A plain loop, a Lightning module and transformers' Trainer, each with the same objective."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict = {"__name__": "own_loop"}

    for block in blocks:
        exec(compile(block, "docs/own_loop.md", "exec"), names)

    assert len(blocks) == 3
    assert names["loss"].isfinite()
