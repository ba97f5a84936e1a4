r"""Scores of a set of images.

All of them are computed from one confusion matrix per image.

With T, P and A the pixels of class k in the truth, in the prediction and in both:

.. math:: IoU_k = A / (T + P - A), \qquad Dice_{v,k} = 2 A_v / (T_v + P_v)

IoU sums over the whole set, Dice over each volume v. A class with neither truth nor prediction has no score (nan) and
is left out of the mean; a class that is predicted but never true scores 0. `Classes.unscored` are left out of every
mean, though their pixels still count as mistakes of the classes they were taken for.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from weakseg.console.duration import counted
from weakseg.errors import EvidenceInvalid
from weakseg.types import UNLABELED, Classes


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of a network on a set of images.

    They are taken at native resolution, void ignored. Fractions lie in [0, 1].
    """

    classes: Classes
    keys: tuple[str, ...]
    volumes: tuple[str, ...]
    """The volume that each image is a slice of; images that stand alone name themselves."""
    matrices: Int[np.ndarray, "N C C"]
    """Pixel counts by true class (row) and predicted class (column), for each image."""
    trimap: dict[int, Int[np.ndarray, "N C C"]] = field(default_factory=dict)
    """The same counts inside bands around the true boundaries, by the band's width in pixels."""

    def iou(self) -> Float[np.ndarray, " C"]:
        """Intersection over union of each class.

        It is taken over the whole set; nan for classes without a score.
        """
        return _iou(self.matrices.sum(0), self.classes)

    def mean_iou(self) -> float:
        """Mean of `iou` over the classes that have one."""
        return _mean(self.iou())

    def volume_dice(self) -> Float[np.ndarray, "V C"]:
        """Dice of each volume and class.

        Volumes are in order of first appearance; nan for the background and where undefined.
        """
        order = {volume: index for index, volume in enumerate(dict.fromkeys(self.volumes))}
        summed = np.zeros((len(order), *self.matrices.shape[1:]), np.int64)
        # `add.at`, because several images are of one volume: a plain sum by index would keep the last only.
        np.add.at(summed, [order[volume] for volume in self.volumes], self.matrices)
        right, true, predicted = _counts(summed)
        dice = _ratio(2 * right, true + predicted)
        left_out = [*self.classes.unscored, *([] if self.classes.background is None else [self.classes.background])]
        dice[:, left_out] = np.nan
        return dice

    def dice(self) -> Float[np.ndarray, " C"]:
        """The mean Dice of each class over volumes.

        Volumes without a score of the class do not count.
        """
        return np.array([_mean(column) for column in self.volume_dice().T])

    def mean_dice(self) -> float:
        """The mean of `volume_dice` over volumes and classes.

        Undefined pairs do not count.
        """
        return _mean(self.volume_dice())

    @property
    def dice_over(self) -> str:
        """The number of images or volumes that Dice averages.

        For example `60 images`, or `10 volumes` where images are slices of some.
        """
        volumes = len(set(self.volumes))
        return counted(volumes, "image" if volumes == len(self.keys) else "volume")

    def pixel_accuracy(self) -> float:
        """The fraction of evaluated pixels whose class is right."""
        return float(_ratio(np.trace(self.matrices.sum(0)), self.matrices.sum()))

    def per_image(self) -> Float[np.ndarray, " N"]:
        """The mean IoU of each image on its own.

        The mean is over the classes that the image shows or was given.
        """
        return np.array([_mean(_iou(matrix, self.classes)) for matrix in self.matrices])

    def trimap_mean_iou(self) -> dict[int, float]:
        """Mean IoU inside the bands, by width."""
        return {width: _mean(_iou(found.sum(0), self.classes)) for width, found in self.trimap.items()}

    @cached_property
    def summary(self) -> dict:
        """Every score as plain data.

        Lists are in the order of the classes; `None` where a score is undefined.
        """
        return {
            "mean_iou": _plain(self.mean_iou()),
            "mean_dice": _plain(self.mean_dice()),
            "pixel_accuracy": _plain(self.pixel_accuracy()),
            "iou": [_plain(value) for value in self.iou()],
            "dice": [_plain(value) for value in self.dice()],
            "trimap": {str(width): _plain(value) for width, value in self.trimap_mean_iou().items()},
        }

    def to_json(self) -> dict:
        """Plain data that `from_json` reads back.

        `summary` is there for people and other programs.
        """
        return {
            "summary": self.summary,
            "classes": list(self.classes.names),
            "background": self.classes.background,
            "unscored": list(self.classes.unscored),
            "keys": list(self.keys),
            "volumes": list(self.volumes),
            "matrices": self.matrices.tolist(),
            "trimap": {str(width): found.tolist() for width, found in self.trimap.items()},
        }

    @staticmethod
    def joined(parts: list["Scores"]) -> "Scores":
        """The joint scores of parts of a set.

        The parts have the same classes and band widths.
        """
        return Scores(
            classes=parts[0].classes,
            keys=tuple(key for part in parts for key in part.keys),
            volumes=tuple(volume for part in parts for volume in part.volumes),
            matrices=np.concatenate([part.matrices for part in parts]),
            trimap={width: np.concatenate([part.trimap[width] for part in parts]) for width in parts[0].trimap},
        )

    @staticmethod
    def from_json(data: dict) -> "Scores":
        """The scores `to_json` wrote."""
        count = len(data["classes"])
        matrices = lambda nested: np.array(nested, np.int64).reshape(-1, count, count)  # noqa: E731
        return Scores(
            classes=Classes(tuple(data["classes"]), data["background"], tuple(data["unscored"])),
            keys=tuple(data["keys"]),
            volumes=tuple(data["volumes"]),
            matrices=matrices(data["matrices"]),
            trimap={int(width): matrices(found) for width, found in data["trimap"].items()},
        )


def _counts(matrices: Int[np.ndarray, "*_ C C"]):
    """Pixels of each class that are right, true and predicted."""
    return np.diagonal(matrices, axis1=-2, axis2=-1), matrices.sum(-1), matrices.sum(-2)


def _iou(matrix: Int[np.ndarray, "C C"], classes: Classes) -> Float[np.ndarray, " C"]:
    right, true, predicted = _counts(matrix)
    iou = _ratio(right, true + predicted - right)
    iou[list(classes.unscored)] = np.nan
    return iou


def _ratio(part, whole):
    """A ratio; nan where the denominator is 0."""
    # `where` computes both branches everywhere, so the denominator must not be 0.
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _mean(values: Float[np.ndarray, "*_"]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def confusion(
    truth: Int[np.ndarray, "H W"], predicted: Int[np.ndarray, "H W"], n_classes: int
) -> Int[np.ndarray, "C C"]:
    """Pixel counts by true class (row) and predicted class (column).

    Pixels whose truth is `UNLABELED` do not count.

    Raises:
        EvidenceInvalid: a counted pixel has a class outside 0 .. n_classes - 1.
    """
    counted = truth != UNLABELED
    rows, columns = truth[counted].astype(np.int64), predicted[counted].astype(np.int64)
    for name, values in (("truth", rows), ("prediction", columns)):
        # A value out of range would be counted in another class's cell without any error.
        if ((values < 0) | (values >= n_classes)).any():
            found = f"the {name} holds class {values.min()} to {values.max()}"
            raise EvidenceInvalid(found, expected=f"0 to {n_classes - 1}")
    # One pass over the pixels, in whole numbers: scores are exact and do not depend on the order of images.
    return np.bincount(rows * n_classes + columns, minlength=n_classes**2).reshape(n_classes, n_classes)


WIDTHS_PX = (1, 2, 4, 8, 16, 32)
"""Widths of the trimap bands in which runs are evaluated."""


def trimap(truth: Int[np.ndarray, "H W"], width_px: int) -> Bool[np.ndarray, "H W"]:
    """True near a boundary between true classes.

    A pixel of another class lies within `width_px` pixels (Chebyshev distance).

    Width 1 marks the pixels that touch a boundary. Void (`UNLABELED`) is never in the band and is not another class,
    but classes see each other across it: annotators draw void *on* boundaries.
    """
    window = 2 * width_px + 1
    void = truth == UNLABELED
    # Void must win neither filter: -1 is below every class, and the highest class replaces it for the minimum.
    # A window whose largest and smallest class differ has a boundary in it: two filters, however many classes there
    # are.
    highest = ndimage.maximum_filter(truth, window, mode="nearest")
    lowest = ndimage.minimum_filter(np.where(void, truth.max(), truth), window, mode="nearest")
    return (highest != lowest) & ~void
