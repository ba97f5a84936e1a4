"""A comparison of an exported network with the one that was trained."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from weakseg.errors import NetworkUnavailable

Sizes = tuple[tuple[int, int, int], ...]
SIZES: Sizes = ((1, 64, 64), (3, 33, 47), (1, 96, 128), (2, 333, 257), (1, 500, 375), (1, 512, 700))
"""Images, rows and columns of each comparison: whole cells and none, one image and several."""
CLOSE = 1e-4
"""Largest difference of logits, for logits of up to 10."""
ALIKE = 0.9999
"""Least fraction of pixels with the same class."""

Logits = Callable[[Float[np.ndarray, "B M H W"]], Float[np.ndarray, "B C H W"]]


@dataclass(frozen=True)
class Parity:
    """How far an exported network is from the one that was trained."""

    difference: float
    """Largest difference of two logits."""
    agreement: float
    """Fraction of pixels with the same class."""

    def __str__(self) -> str:
        return f"logits differ by up to {self.difference:.1e}, {self.agreement:.3%} of the classes are equal"


def require_parity(trained: Logits, exported: Logits, channels: int, what: str, sizes: Sizes = SIZES) -> Parity:
    """Compare two networks on images of several sizes.

    Args:
        trained: the network that was trained.
        exported: the one that was exported.
        channels: the number of image channels.
        what: what is exported, for the message.
        sizes: images, rows and columns of each comparison.

    Raises:
        NetworkUnavailable: they differ, or the exported one fails at a size.
    """
    # Fixed images, so that an export that passes today passes tomorrow.
    chance, largest, equal, pixels = np.random.default_rng(0), 0.0, 0, 0
    for images, height, width in sizes:
        image = _scene(chance, images, channels, height, width)
        ours, size = trained(image), f"{images} x {channels} x {height} x {width}"
        try:
            theirs = exported(image)
        except Exception as error:  # of another library, for whatever a graph does wrong
            last = (str(error).strip().splitlines() or [""])[-1]
            raise _differs(what, f"it fails on images of {size}: {last[:200]}") from error
        if theirs.shape != ours.shape:
            raise _differs(what, f"images of {size} give logits of {theirs.shape}, not {ours.shape}")
        difference, allowed = float(np.abs(theirs - ours).max()), CLOSE * max(1.0, float(np.abs(ours).max()) / 10)
        same = theirs.argmax(1) == ours.argmax(1)
        # The comparison is false for nan too.
        if not difference <= allowed:
            raise _differs(what, f"logits differ by {difference:.2g} on images of {size}; {allowed:.2g} is allowed")
        largest, equal, pixels = max(largest, difference), equal + int(same.sum()), pixels + same.size
    if equal < ALIKE * pixels:
        raise _differs(what, f"only {equal / pixels:.3%} of the pixels have the same class")
    return Parity(largest, equal / pixels)


def _scene(
    chance: np.random.Generator, images: int, channels: int, height: int, width: int
) -> Float[np.ndarray, "B M H W"]:
    """Patches with noise on them, because noise alone has no edges and a network's answer to it is nearly one class."""
    patches = chance.random((images, channels, -(-height // 16), -(-width // 16)), np.float32)
    large = patches.repeat(16, axis=2).repeat(16, axis=3)[:, :, :height, :width]
    return 0.8 * large + 0.2 * chance.random((images, channels, height, width), np.float32)


def _differs(what: str, how: str) -> NetworkUnavailable:
    return NetworkUnavailable(
        f"{what} is not the network that was trained: {how}",
        expected="the same logits at every size",
        fix="predict with the run itself, or train one of the networks that docs/networks.md says can be exported",
    )
