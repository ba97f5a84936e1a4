"""Random training views: crop, zoom, flip and lighting.

Every choice is drawn from the generator that is passed in, so that an epoch can be replayed exactly.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from weakseg.data.sample import Sample
from weakseg.data.view import view
from weakseg.errors import RecipeInvalid
from weakseg.types import UNLABELED, Batch


@dataclass(frozen=True)
class Augment:
    """Random views of images for training."""

    crop: tuple[int, int] | None = (224, 224)
    """Size (height, width) of the view in pixels; `None` shows whole images, as image-level labels need."""
    zoom: tuple[float, float] = (0.75, 1.5)
    """Smallest and largest magnification, above 0; sampled uniformly in the logarithm."""
    flip: float = 0.5
    """Probability of a left-right flip."""
    brightness: float = 0.15
    """Largest value added or subtracted, in [0, 1]."""
    contrast: float = 0.2
    """Largest relative change of the deviation from the mean."""
    gamma: float = 0.0
    """Largest absolute logarithm of the exponent."""
    centre_on_labels: float = 0.0
    """Probability that a crop is centred on a labelled pixel; the class is sampled uniformly first, so rare
    classes are seen as often."""

    def __post_init__(self):
        sides = (1, 1) if self.crop is None else self.crop
        if not isinstance(sides, tuple) or len(sides) != 2 or not all(isinstance(n, int) and n > 0 for n in sides):
            raise RecipeInvalid(f"a crop of {sides!r}", expected="(height, width) in whole pixels, or None")
        if not isinstance(self.zoom, tuple) or len(self.zoom) != 2 or not 0 < self.zoom[0] <= self.zoom[1]:
            raise RecipeInvalid(f"a zoom of {self.zoom!r}", expected="(smallest, largest) magnification, above 0")

    def __call__(self, sample: Sample, generator: np.random.Generator, remembered=None) -> Batch:
        """One random view of a sample."""
        window, size = self._window(sample, generator)
        batch = view(sample, window, size, remembered)
        return replace(batch, image=self._light(batch.image, generator))

    def _window(self, sample: Sample, generator) -> tuple[Float[np.ndarray, "2 3"], tuple[int, int]]:
        magnification = float(np.exp(generator.uniform(*np.log(self.zoom))))
        # Numbers are drawn whether or not they are needed, always in the same order: so a changed setting leaves all
        # other choices of a seed as they were.
        mirrored = generator.random() < self.flip
        extent = np.array(sample.valid.shape)
        size = np.maximum(np.round(extent * magnification), 1).astype(int) if self.crop is None else np.array(self.crop)
        step = extent / size if self.crop is None else np.full(2, 1 / magnification)
        # Pixel edges, not centres, meet at the border: the first centre lies half a step inside the window.
        corner = self._corner(sample, size * step, generator) + step / 2 - 0.5
        window = np.array([[step[0], 0, corner[0]], [0, step[1], corner[1]]])
        if mirrored:
            # The last column's centre becomes the first.
            window[1] = [0, -step[1], corner[1] + step[1] * (size[1] - 1)]
        return window, (int(size[0]), int(size[1]))

    def _corner(self, sample: Sample, shown: Float[np.ndarray, "2"], generator) -> Float[np.ndarray, "2"]:
        """Upper left edge of the window.

        It leaves the image only if the image is smaller.
        """
        free = np.array(sample.valid.shape) - shown
        corner = free * generator.random(2)
        # Sampled even if nothing is centred, so that this setting changes no other choice.
        wants_label, choice = generator.random() < self.centre_on_labels, generator.random(2)
        if wants_label and self.crop is not None:
            point = _marked_pixel(sample, choice)
            corner = corner if point is None else point + 0.5 - shown / 2
        # Where the image is smaller than the view, `free` is negative and the image lies anywhere inside.
        return np.clip(corner, np.minimum(free, 0), np.maximum(free, 0))

    def _light(self, image, generator):
        # All three at once, so that a lighting that is switched off draws its number too.
        shift, spread, power = generator.uniform(-1, 1, 3) * (self.brightness, self.contrast, self.gamma)
        mean = image.mean()
        image = ((image - mean) * (1 + spread) + mean + shift).clamp(0, 1)
        return image if power == 0 else image ** float(np.exp(power))


def _marked_pixel(sample: Sample, choice: Float[np.ndarray, "2"]) -> Float[np.ndarray, "2"] | None:
    """A random labelled pixel.

    Its class is sampled first, uniformly among those labelled, then one of its pixels or vertices.
    """
    counts = np.bincount(sample.seeds.ravel() - UNLABELED)[1:]
    labels = sorted({*np.flatnonzero(counts).tolist(), *(stroke.label for stroke in sample.strokes)})
    if not labels:
        return None
    # The class first: a background of a million pixels would otherwise always be chosen.
    label = labels[int(choice[0] * len(labels))]
    drawn = [stroke.points for stroke in sample.strokes if stroke.label == label]
    points = np.concatenate([np.argwhere(sample.seeds == label), *drawn])
    return points[int(choice[1] * len(points))].astype(float)
