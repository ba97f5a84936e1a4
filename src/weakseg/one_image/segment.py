"""One image and a few scribbles to a segmentation.

It combines colours and places of the scribbles, edges and graph cuts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from weakseg.arrays.given import Given, tensor_of
from weakseg.arrays.short_repr import brief
from weakseg.cuts.alpha_expansion import compile_kernels, require_memory, status_sentence
from weakseg.cuts.minimise import with_raised_bound
from weakseg.cuts.pyramid import WHOLE
from weakseg.cuts.run import Cut
from weakseg.errors import EvidenceInvalid
from weakseg.one_image.large import cut_large
from weakseg.one_image.rounds import rounds
from weakseg.types import UNLABELED

LOOSE = 0.001
"""Gap, relative to the energy, above which a higher bound is searched for once the labels are found."""


@dataclass(frozen=True)
class Segmentation:
    """Labels of one image, with energy and bound."""

    labels: Int[np.ndarray, "H W"]
    """Label of every pixel, one of the scribbles' labels."""
    energy: float
    """Energy of equation `one-image`."""
    bound: float
    """Lower bound on the energy of any labelling, given these colour models."""
    status: str
    """Sentence on how the last cut ended."""

    __repr__ = brief


def segment(
    image: Given,
    scribbles: Given,
    unlabeled: int = UNLABELED,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Segmentation:
    r"""Segmentation of one image from its scribbles, equation `one-image`.

    No network is involved.

    Scribbles keep their label. Other pixels take that of scribbles near them and like them in colour, equation
    `scribble-density`, and boundaries follow the image's edges, equation `potts`. Then each label learns the colours of
    what it won, as in GrabCut, as long as that lowers the energy.

    Images above 262,144 pixels learn their colours on a smaller copy and are cut once, in windows, by all cores; then
    `status` says so, and the bound says how far from the best the answer may be.

    Args:
        image: (M, H, W), an array or tensor of values in [0, 1]; grey, colour or any number of channels. Three
            channels are taken for sRGB.
        scribbles: (H, W), labels of scribbled pixels, at least two different ones; any whole numbers.
        unlabeled: the value of `scribbles` at unlabelled pixels; 255 in most files.
        progress: called with the number of finished cuts and the largest number of cuts; for images above 262,144
            pixels with hundredths of the work and 100.

    Raises:
        EvidenceInvalid: types or sizes differ, the image is too large for memory or not in [0, 1], or the scribbles
            have fewer than two labels or cover every pixel.

    Nieuwenhuis and Cremers 2013, section 3; Rother, Kolmogorov and Blake 2004.
    """
    image = tensor_of(image, "image").detach().cpu().numpy()
    scribbles = tensor_of(scribbles, "scribbles").detach().cpu().numpy()
    _refuse_no_image(image, scribbles)
    labels = _labels(scribbles, unlabeled)
    large = scribbles.size > WHOLE
    size = (scribbles.shape[0], scribbles.shape[1])
    beside = 4 * (len(labels) + 4) if large else 12 * len(labels)
    require_memory("The image", size, len(labels), more=beside * scribbles.size)
    compile_kernels()
    drawn = scribbles != unlabeled
    # Labels may be any numbers, and the solver counts from 0; they are put back at the end.
    seeds = np.where(drawn, np.searchsorted(labels, scribbles), UNLABELED).astype(np.int64)
    found = (cut_large if large else _cut)(image, seeds, len(labels), progress)
    root = seeds.size**0.5
    status = status_sentence(found, len(labels))
    return Segmentation(labels[found.labels], float(found.energies[-1]) / root, found.bound / root, status)


def _cut(image: np.ndarray, seeds: np.ndarray, labels: int, progress: Callable[[int, int], None]) -> Cut:
    problem, cut, _ = rounds(image, seeds, labels, progress)
    return with_raised_bound(cut, problem.unary, problem.weight, problem.valid, problem.seeds, LOOSE)


def _labels(scribbles: Integer[np.ndarray, "H W"], unlabeled: int) -> Int[np.ndarray, " K"]:
    """The scribbled labels, ascending."""
    values = np.unique(scribbles).astype(np.int64)
    labels = values[values != unlabeled]
    if len(labels) < 2:
        raise EvidenceInvalid(
            f"Nothing is drawn: every pixel of the scribbles is {unlabeled}."
            if not len(labels)
            else f"Only label {labels[0]} is drawn.",
            expected="scribbles of two labels at least",
            fix="Draw on every region, the background too.",
        )
    if len(labels) == len(values):
        raise EvidenceInvalid(
            f"Every pixel of the scribbles is drawn on; their values are {', '.join(map(str, values[:8]))}"
            f"{' ...' * (len(values) > 8)}, and none is {unlabeled}.",
            expected=f"{unlabeled} on unlabelled pixels",
            fix="Give the value of unlabelled pixels: unlabeled=, or --unlabeled.",
        )
    return labels


def _refuse_no_image(image: np.ndarray, scribbles: np.ndarray) -> None:
    if image.ndim != 3 or not image.size or scribbles.ndim != 2:
        raise EvidenceInvalid(
            f"An image of {image.shape}, scribbles of {scribbles.shape}.",
            expected="channels, rows and columns; rows and columns",
            fix="Give a grey image as image[None].",
        )
    if image.shape[1:] != scribbles.shape:
        raise EvidenceInvalid(
            f"The image has {image.shape[1]} x {image.shape[2]} pixels, the scribbles {scribbles.shape[0]} x "
            f"{scribbles.shape[1]} (rows x columns).",
            expected="one size; the image's channels come first",
            fix="Export the scribbles at the size of the image.",
        )
    # Two labels are the fewest there can be; whatever is computed before the cut would take memory too.
    require_memory("The image", scribbles.shape, classes=2)
    if not (np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1):
        raise EvidenceInvalid(
            f"The image's values reach from {image.min()} to {image.max()}.",
            expected="finite values in [0, 1]",
            fix="Divide 8-bit values by 255.",
        )
