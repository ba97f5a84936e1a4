"""Classes, and the values of labels and tags.

Nothing here needs torch, so that images are segmented without it where a network is an ONNX file.
"""

from dataclasses import dataclass

UNLABELED = -1
"""Value of a label map where no class is given."""

PRESENT = 1
"""Value of a tag: the class is in the image."""

ABSENT = 0
"""Value of a tag: the class is not in the image."""

UNTOLD = -1
"""Value of a tag: not annotated."""


@dataclass(frozen=True)
class Classes:
    """The classes of a dataset.

    They are in the order of the network's outputs.
    """

    names: tuple[str, ...]
    """One name per class; its position, counted from 0, is the class's index."""
    background: int | None = None
    """Index of the class that means "nothing else", which mean Dice leaves out; `None` where every pixel is
    something."""
    unscored: tuple[int, ...] = ()
    """Indices of classes left out of every mean, because the truth holds too few of their pixels."""

    def __len__(self) -> int:
        return len(self.names)
