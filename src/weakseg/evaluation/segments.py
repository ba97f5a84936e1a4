"""The protocol of trained networks as functions of an image."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from weakseg.classes import Classes
from weakseg.data.images.stored import Reading
from weakseg.evaluation.image_input import ImageLike
from weakseg.evaluation.prediction import Prediction


@runtime_checkable
class Segments(Protocol):
    """A trained network as a function of an image.

    It is a `Predictor`, or an `OnnxPredictor` where torch is not installed.
    """

    @property
    def classes(self) -> Classes:
        """The classes that it tells apart."""
        ...

    @property
    def channels(self) -> int:
        """The number of image channels."""
        ...

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each class in masks."""
        ...

    @property
    def void(self) -> int:
        """The number in masks where an image has no data."""
        ...

    @property
    def reading(self) -> Reading:
        """How files are read."""
        ...

    def __call__(self, image: ImageLike) -> Float[np.ndarray, "C H W"]:
        """The probability of each class at each pixel."""
        ...

    def labels(self, image: ImageLike) -> Int[np.ndarray, "H W"]:
        """The most probable class at each pixel."""
        ...

    def prediction(self, image: Float[np.ndarray, "M H W"], labels: Int[np.ndarray, "H W"]) -> Prediction:
        """An image with labels that are already known."""
        ...

    @property
    def window_px(self) -> int:
        """The side of the largest part of an image that is predicted in one piece."""
        ...

    @property
    def multiple(self) -> int:
        """The number that corners of such parts divide by."""
        ...

    @property
    def digest(self) -> str:
        """A text that changes with the network, and with all else that masks depend on."""
        ...

    def in_one_piece(self, image: Float[np.ndarray, "M H W"]) -> Float[np.ndarray, "C H W"]:
        """The probabilities of an image that is not cut into tiles."""
        ...
