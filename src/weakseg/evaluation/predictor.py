"""A trained network as a function of an image.

Images may have any size; probabilities have the image's own resolution.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn
from torch.nn import functional as F

from weakseg.data.images.nodata import voided
from weakseg.data.images.stored import USUAL, Reading
from weakseg.data.label_values.convention import Convention
from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import EvidenceInvalid
from weakseg.evaluation.device import usable
from weakseg.evaluation.image_input import ImageLike, as_image, require_channels
from weakseg.evaluation.prediction import Prediction
from weakseg.evaluation.tiles import DEEPEST_STRIDE, Tiles
from weakseg.mean_field.parallel_crf import refined
from weakseg.networks.network import Network, logits_of
from weakseg.types import Classes


@dataclass(frozen=True)
class Predictor:
    """A function from images to class probabilities.

    `weakseg.load(run)` returns one.

    An image of more than `window_px` squared pixels is cut into overlapping tiles whose probabilities are blended, so
    that memory does not grow with the image beyond one band of tiles. The network is moved to `device`, and keeps its
    training or evaluation mode.
    """

    network: nn.Module
    """The network, which maps (B, M, H, W) in [0, 1] to logits (B, C, h, w)."""
    classes: Classes
    channels: int = 3
    """The number M of image channels that the network was trained on."""
    device: str = "cpu"
    tile_px: int = 1024
    """The side of a tile in pixels that the network sees: of images that it enlarges, tiles are smaller."""
    crf: DenseCRF | None = None
    """The CRF that refines the probabilities of the whole image, in memory, by ten steps of mean field."""
    numbers: tuple[int, ...] = ()
    """The number of each class in label files; empty for its index."""
    void: int = 255
    """The number in masks where an image has no data, from 0 to 65535; another one where a class has it."""
    reading: Reading = USUAL
    """How files are read, as those of the training were, and in the same range of values."""

    def __post_init__(self):
        self.network.to(usable(self.device))
        # The class is frozen, and the defaults depend on other fields.
        object.__setattr__(self, "numbers", self.numbers or tuple(range(len(self.classes))))
        object.__setattr__(self, "void", Convention("masks", (self.void,), self.numbers).void)

    def __repr__(self) -> str:
        weights = sum(parameter.numel() for parameter in self.network.parameters())
        names = ", ".join(self.classes.names[:8]) + (", ..." if len(self.classes) > 8 else "")
        return (
            f"Predictor({type(self.network).__name__} of {weights:,} weights, {self.channels} channels to"
            f" {len(self.classes)} classes: {names}; on {self.device}{', with a CRF' if self.crf else ''})"
        )

    def __call__(self, image: ImageLike) -> Float[np.ndarray, "C H W"]:
        """The probability of each class at each pixel.

        They mean nothing where an image has no data.

        Args:
            image: (M, H, W) in [0, 1], or uint8; numpy or torch, a Pillow image, or a path.

        Raises:
            DataInvalid: it is no image, or has another number of channels than the network was trained on.
            EvidenceInvalid: the network gave nan, or another number of classes.
        """
        image, _ = as_image(image, self.channels, self.reading)
        probs = np.concatenate(list(self._bands(image)), axis=1)
        return probs if self.crf is None else refined(probs, image, self.crf)

    def labels(self, image: ImageLike) -> Int[np.ndarray, "H W"]:
        """The most probable class at each pixel.

        It is `UNLABELED` where a file has no data. Takes what a call takes.
        """
        image, empty = as_image(image, self.channels, self.reading)
        bands = self._bands(image) if self.crf is None else [self(image)]
        return voided(np.concatenate([band.argmax(0) for band in bands]), empty)

    def predict(self, image: ImageLike) -> Prediction:
        """The image with its predicted labels.

        The result shows itself in a notebook and saves itself. Takes what a call takes.
        """
        image, empty = as_image(image, self.channels, self.reading)
        return self.prediction(image, voided(self.labels(image), empty))

    def prediction(self, image: Float[np.ndarray, "M H W"], labels: Int[np.ndarray, "H W"]) -> Prediction:
        """An image with labels that are already known."""
        return Prediction(image, labels, self.classes, self.numbers, self.void)

    def log_probs(self, images: Float[np.ndarray, "B M H W"]) -> Float[np.ndarray, "B C H W"]:
        """Log-probabilities of a batch of images.

        They have one size, and are predicted in one pass where they are small enough, which is faster on a GPU.

        Log-probabilities are finite: a probability that rounds to 0 is unlikely, not impossible.

        Raises:
            DataInvalid, EvidenceInvalid: as for one image.
        """
        require_channels(images[0], self.channels)
        if self.crf is None and images[0, 0].size <= self.window_px**2:
            # The logarithm of the softmax and not of probabilities, which round to 0.
            return self._logits(images).log_softmax(1).cpu().numpy()
        return np.log(np.stack([self(image) for image in images]).clip(np.finfo(np.float32).tiny))

    def _bands(self, image: Float[np.ndarray, "M H W"]) -> Iterator[Float[np.ndarray, "C _ W"]]:
        """Rows of probabilities, from top to bottom."""
        tiles = Tiles(self.window_px, self.multiple, len(self.classes))
        return tiles.bands(image, self.in_one_piece)

    def in_one_piece(self, image: Float[np.ndarray, "M H W"]) -> Float[np.ndarray, "C H W"]:
        """The probabilities of an image that is not cut into tiles."""
        return self._logits(image[None]).softmax(1)[0].cpu().numpy()

    def _logits(self, images: Float[np.ndarray, "B M H W"]) -> Float[torch.Tensor, "B C H W"]:
        height, width = images.shape[2:]
        pixels = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).to(self.device)
        # Off a multiple of the stride the last cell reaches over the border, and all cells would be resized too small.
        margin = (0, -width % self.multiple, 0, -height % self.multiple)
        # Repeated and not 0: black would be an edge that no training image had.
        pixels = F.pad(pixels, margin, mode="replicate")
        # Batch statistics of a single image would be noise, and gradients are not wanted.
        with evaluating(self.network), torch.inference_mode():
            logits = logits_of(self.network(pixels)).float()
        if logits.shape[1] != len(self.classes) or not logits.isfinite().all():
            raise EvidenceInvalid(
                f"the network gave {logits.shape[1]} classes, and {int((~logits.isfinite()).sum())} non-finite values",
                expected=f"{len(self.classes)} classes, all finite",
                fix="use the checkpoint of this run, or train with a smaller learning rate if it diverged",
            )
        # To the padded size first and cut afterwards: cells lie where they looked.
        logits = F.interpolate(logits, pixels.shape[2:], mode="bilinear", align_corners=False)
        return logits[:, :, :height, :width]

    @property
    def window_px(self) -> int:
        """The side of a tile in pixels of the image; an image of up to its square is predicted whole."""
        enlarge = self.network.enlarge if isinstance(self.network, Network) else 1.0
        return max(int(self.tile_px / enlarge), 2 * self.multiple)

    @property
    def digest(self) -> str:
        """A text that changes with the weights, and with all else that masks depend on."""
        settings = (self.classes, self.numbers, self.void, self.reading, self.tile_px, self.crf)
        found = hashlib.sha256(f"{settings} {self.device.split(':')[0]} {type(self.network).__name__}".encode())
        for name, tensor in self.network.state_dict().items():
            found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return found.hexdigest()[:32]

    @property
    def multiple(self) -> int:
        """The number that sizes and corners of tiles divide by.

        Cells of neighbouring tiles then coincide.
        """
        stride = getattr(self.network, "stride", None)
        # Plain transformers have a stride of 14, which does not divide 32. A bare convolution's `stride` is a pair.
        return stride if isinstance(stride, int) and DEEPEST_STRIDE % stride else DEEPEST_STRIDE


@contextmanager
def evaluating(network: nn.Module):
    """A network in evaluation mode inside a `with` block.

    Afterwards its mode is as before. Only modules in training mode are switched, because a switch of all takes as long
    as to predict a small image.
    """
    training = [module for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
