"""Curves for TensorBoard, for those who have it installed."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any


def tensorboard(path: Path) -> Callable[[dict[str, Any]], None]:
    """A function that adds an epoch's numbers to the event file in `path`; it does nothing without TensorBoard.

    The file is opened at the first epoch, so a run that never trains leaves none.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return lambda line: None

    @cache
    def writer():
        return SummaryWriter(str(path))

    def write(line: dict[str, Any]) -> None:
        for name, value in line.items():
            if isinstance(value, float):
                writer().add_scalar(name, value, line["epoch"])
        writer().flush()

    return write
