"""TensorBoard gets every number of an epoch where it is installed, and is not needed where it is not."""

import sys
from types import ModuleType

from weakseg.train.progress import tensorboard

_LINE = {"epoch": 3, "step": 12, "loss": 0.5, "mean_iou": 0.8, "iou": [0.7, 0.9], "mean_dice": None}


def test_numbers_are_written_under_their_epoch(tmp_path, monkeypatch):
    """Every single number that is a measurement; lists and missing scores are not."""
    written = []

    class Writer:
        def __init__(self, folder):
            assert folder == str(tmp_path)

        def flush(self):
            written.append("flushed")

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # pyright: ignore
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)

    tensorboard(tmp_path)(_LINE)

    assert written == [("loss", 0.5, 3), ("mean_iou", 0.8, 3), "flushed"]


def test_without_tensorboard_nothing_happens(tmp_path, monkeypatch):
    """A missing package is no error and leaves no file."""
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)

    tensorboard(tmp_path)(_LINE)

    assert list(tmp_path.iterdir()) == []
