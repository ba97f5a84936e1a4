"""The predicted label map of one image.

It shows itself in a notebook, and saves itself as a label map.
"""

import base64
import html
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from weakseg.arrays.short_repr import brief
from weakseg.classes import UNLABELED, Classes
from weakseg.data.images.label_file import palette, write_labels
from weakseg.data.overlay import as_rgb, tinted

_SHOWN_PX = 640
"""Largest side of an image in a notebook."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """An image and the class of each of its pixels."""

    image: Float[np.ndarray, "M H W"]
    """The image's values, in [0, 1]."""
    labels: Int[np.ndarray, "H W"]
    """The class index of each pixel; `UNLABELED` where the image has no data."""
    classes: Classes
    numbers: tuple[int, ...]
    """The number of each class in label files."""
    void: int
    """The number in label files where the image has no data."""

    __repr__ = brief

    @property
    def overlay(self) -> UInt8[np.ndarray, "H W 3"]:
        """The labels in colour on the grey image."""
        return tinted(as_rgb(self.image), self.labels, palette(len(self.classes)))

    @property
    def shares(self) -> dict[str, float]:
        """The fraction of pixels that each class covers, by name.

        Pixels without data do not count.
        """
        known = self.labels[self.labels != UNLABELED]
        counts = np.bincount(known, minlength=len(self.classes))
        return dict(zip(self.classes.names, (counts / max(known.size, 1)).tolist(), strict=True))

    def save(self, path: Path | str) -> None:
        """Write the labels as a PNG file.

        It holds the numbers of the training's files, and is written whole or not at all.

        Raises:
            DataInvalid: the file is not named *.png.
            WriteRefused: the file cannot be written.
        """
        known = self.labels != UNLABELED
        numbers = np.where(known, np.array(self.numbers)[self.labels], self.void)
        write_labels(Path(path), numbers, void=None)

    def _repr_html_(self) -> str:
        shown = Image.fromarray(self.overlay)
        shown.thumbnail((_SHOWN_PX, _SHOWN_PX))
        file = BytesIO()
        shown.save(file, format="PNG")
        colors = palette(len(self.classes)).tolist()
        legend = " ".join(
            f'<span style="white-space:nowrap"><span style="background:rgb({r},{g},{b})">&emsp;</span>'
            f" {html.escape(name)} {share:.1%}</span>"
            for (r, g, b), (name, share) in zip(colors, self.shares.items(), strict=True)
            if share
        )
        uri = base64.b64encode(file.getvalue()).decode()
        return f'<img alt="predicted classes" src="data:image/png;base64,{uri}"><p>{legend}</p>'
