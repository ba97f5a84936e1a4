"""The conventions of docs/conventions.md: each is pinned by a test, here or in its room."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from batches import batch_of, mixed
from PIL import Image
from torch import nn

from weakseg import Evidence, Fit, Folder, Memory, SeedsOnly, Solution
from weakseg.data.images.image_file import read_image
from weakseg.data.sample import Sample, Stroke
from weakseg.data.view import view, whole
from weakseg.losses.objectives import resized
from weakseg.runs import checkpoint, run_writer
from weakseg.runs import run as run_folder
from weakseg.types import UNLABELED, UNTOLD

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "conventions.md").read_text().partition("## Words")[0]
TOLD = re.findall(r"^\| .*\|$", PAGE, flags=re.MULTILINE)[2:]


def sample_of(**changes) -> Sample:
    """An image of 4 rows and 6 columns about which nothing is known."""
    nothing = Sample(
        key="plain",
        image=np.zeros((1, 4, 6), np.float32),
        seeds=np.full((4, 6), UNLABELED),
        valid=np.ones((4, 6), bool),
        strokes=(),
        tags=np.full(3, UNTOLD),
        areas=np.tile([0.0, 1.0], (3, 1)),
        boxes=np.empty((0, 5)),
        truth=None,
    )
    return replace(nothing, **changes)


@pytest.mark.parametrize("row", TOLD, ids=lambda row: row.split("|")[1].strip())
def test_each_convention_names_tests_that_exist(row):
    """The page promises nothing that no test holds."""
    source = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", row)
    assert named
    assert [name for name in named if f"def {name}(" not in source] == []


def test_convention_rows_come_before_columns(tmp_path):
    """An image 6 wide and 4 high is (M, 4, 6), and so is everything made of it; a point is (row, column)."""
    Image.new("L", (6, 4)).save(tmp_path / "wide.png")
    assert read_image(tmp_path / "wide.png").shape == (1, 4, 6)
    batch = view(sample_of(strokes=(Stroke(2, np.array([[1.0, 5.0]]), 1.0),)), whole(), (4, 6))
    assert batch.image.shape == (1, 1, 4, 6)
    assert (batch.weak.seeds[0] == 2).nonzero().tolist() == [[1, 5]]


def test_convention_boxes_end_where_the_next_pixel_begins():
    """(class, top, left, bottom, right), half open: rows 1 to 2 are [1, 3), and [2, 6) at twice the size."""
    sample = sample_of(boxes=np.array([[1.0, 1, 2, 3, 6]]))
    twice = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]])
    assert view(sample, whole(), (4, 6)).weak.boxes[0].tolist() == [[1, 1, 2, 3, 6]]
    assert view(sample, twice, (8, 12)).weak.boxes[0].tolist() == [[1, 2, 4, 6, 12]]


def test_convention_resizing_aligns_pixel_edges():
    """`align_corners=False`: two cells cover four pixels two each, and their centres lie between pixels."""
    logits = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    assert resized(logits, (1, 4)).flatten().tolist() == [0, 0.25, 0.75, 1]


def test_convention_255_stays_at_the_door(tmp_path):
    """Files say 255 for "not annotated" and for void; inside, these are `UNLABELED`, and `valid` False."""
    for name, values in {"images": [9, 9, 9], "masks": [0, 1, 255], "scribbles": [255, 1, 255]}.items():
        (tmp_path / name).mkdir()
        Image.fromarray(np.array([values], np.uint8)).save(tmp_path / name / "a.png")
    (tmp_path / "classes.txt").write_text("ground\nthing\n")
    sample = Folder(str(tmp_path), "all")[0]
    assert sample.seeds.tolist() == [[UNLABELED, 1, UNLABELED]]
    assert sample.valid.tolist() == [[True, True, False]]
    assert sample.truth is not None
    assert sample.truth.tolist() == [[0, 1, UNLABELED]]


def test_convention_missing_has_one_name_a_reason():
    """Nobody said: `UNLABELED`, `UNTOLD` and (0, 1). Not to be judged: not `valid`. Never collected: `None`."""
    weak = view(sample_of(), whole(), (5, 6)).weak
    assert UNLABELED == UNTOLD == -1
    assert (weak.seeds == UNLABELED).all()
    assert (weak.tags == UNTOLD).all()
    assert weak.areas.tolist() == [[[0, 1]] * 3]
    # Four rows of pixels, then one of padding; only pixels are to be found.
    assert weak.valid.sum((0, 2)).tolist() == [6, 6, 6, 6, 0]
    assert torch.equal(weak.hidden, weak.valid)
    assert sample_of().truth is None


def test_convention_solvers_see_log_probabilities():
    """What a solver is shown are normalised logarithms on the network's own grid, not logits."""
    seen = []

    @dataclass(frozen=True)
    class Watcher:
        def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
            seen.append(evidence.log_probs)
            return SeedsOnly().solve(evidence)

    logits, batch = mixed(stride=4)
    Fit(Watcher())(logits, batch)
    torch.testing.assert_close(seen[0], logits.log_softmax(1))


def test_convention_sizes_are_shares_of_the_whole_image():
    """A bound keeps its number on a crop; `visible_share` says how much of the image the crop shows."""
    areas = np.tile([0.2, 0.4], (3, 1))
    weak = view(sample_of(areas=areas), np.array([[1.0, 0, 0], [0, 1, 3]]), (4, 3)).weak
    torch.testing.assert_close(weak.areas[0], torch.from_numpy(areas).float())
    assert weak.whole_valid.tolist() == [24]
    assert weak.visible_share.tolist() == [0.5]


def test_convention_a_seed_counts_only_where_the_image_does():
    """What is drawn on void or padding is not a mark."""
    logits = torch.tensor([[[[9.0, 0.0]], [[0.0, 0.0]]]])
    batch = batch_of(torch.tensor([[[1, 0]]]), torch.tensor([[[False, True]]]), classes=2)
    assert Fit(SeedsOnly())(logits, batch).item() == pytest.approx(np.log(2))


def test_convention_best_is_of_the_highest_miou_and_last_of_the_last_epoch(tmp_path):
    """Epochs without validation never become the best once one was validated; of two equals the first stays."""
    run, best = run_folder.Run(tmp_path, {}), -1.0
    network = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    metrics, kept = [], []
    for epoch, score in enumerate([None, 0.5, None, 0.7, 0.7, 0.6]):
        nn.init.constant_(network.weight, epoch)
        metrics.append({"epoch": epoch} | ({} if score is None else {"mean_iou": score}))
        best = run_writer.save(run, network, optimizer, metrics, best)
        names = ("best", "last")
        kept.append([checkpoint.read(tmp_path / f"{n}.safetensors")[0]["network.weight"].item() for n in names])
    assert kept == [[0, 0], [1, 1], [1, 2], [3, 3], [3, 4], [3, 5]]
