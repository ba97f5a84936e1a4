"""Curves for TensorBoard, where it is installed."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any


def tensorboard(path: Path) -> Callable[[dict[str, Any]], None]:
    """A function that writes an epoch's numbers for TensorBoard.

    The event file lies in `path`. Without TensorBoard it does nothing.

    The file is opened at the first epoch, so that a run without training leaves none.
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
