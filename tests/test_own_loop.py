"""The code of docs/own_loop.md runs as it stands there, and batches made by hand are checked."""

import re
from pathlib import Path

import pytest
import torch

from weakseg import Batch
from weakseg.errors import EvidenceInvalid
from weakseg.types import UNLABELED

PAGE = (Path(__file__).parent.parent / "docs" / "own_loop.md").read_text()


@pytest.mark.filterwarnings("ignore")  # the other libraries' own
def test_every_block_of_the_page_runs_after_those_before_it(tmp_path, monkeypatch):
    """Plain loop, Lightning, transformers' Trainer, each with a trust region; tags and boxes; rows, which all hold."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict = {"__name__": "own_loop"}

    for block in blocks:
        exec(compile(block, "docs/own_loop.md", "exec"), names)

    assert len(blocks) == 9
    assert names["loss"].isfinite()
    assert set(names["found"].status) == {"Every constraint holds."}
    for folder in ("targets", "lightning_targets", "trainer_targets"):
        assert len(list((tmp_path / folder).iterdir())) == 4


@pytest.mark.parametrize("value", [255, 2, -2])
def test_a_seed_that_is_no_class_is_one_clear_message(value):
    """Many data sets mark what counts for nothing with 255; its image and its value are named."""
    seeds = torch.full((3, 4, 4), UNLABELED)
    seeds[1, 0, 0] = value
    with pytest.raises(EvidenceInvalid, match=rf"Images 1 of the batch.*class {value}"):
        Batch.of(torch.rand(3, 3, 4, 4), 2, seeds=seeds)
