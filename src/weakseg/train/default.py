"""A sensible recipe for a data folder nobody has written one for."""

import os
import re
from collections.abc import Collection
from pathlib import Path

import numpy as np

from weakseg.data.augment import Augment
from weakseg.data.contents import list_files
from weakseg.data.declaration import read_declaration
from weakseg.data.fold import Fold
from weakseg.data.folder import Folder
from weakseg.errors import DataInvalid
from weakseg.models.pretrained import Pretrained
from weakseg.models.unet import UNet
from weakseg.objectives import Fit
from weakseg.solvers.seeds_only import SeedsOnly
from weakseg.train.recipe import AdamW, NetworkSpec, Phase, Recipe
from weakseg.types import UNLABELED

_SHARED_WEIGHTS = "mobilenet_v2_imagenet"
_HUB_WEIGHTS = "google/mobilenet_v2_1.0_224"
_STEPS = 800
_SMALL_PICTURE = 300
"""A picture whose shorter side is below this is enlarged twice: at stride 16 its objects would be a cell or two."""


def choose(data: str, network: str | None = None) -> Recipe:
    """Partial cross entropy, from whatever is drawn in a data folder.

    Args:
        data: a data folder, or the name of one under $WEAKSEG_DATA.
        network: `unet` for a small network from scratch, else a hub name or a folder of pretrained weights;
            by default a MobileNetV2 with ImageNet weights.

    Raises:
        DataInvalid: nothing is drawn on any training picture.
    """
    training, validation = _split(data)
    shorter = _looked_at(training)
    enlarge = 2 if shorter < _SMALL_PICTURE else 1
    crop = min(224 // enlarge, 32 * max(shorter // 32, 1))
    pretrained = network != "unet"
    batch_size = min(8, len(training))
    return Recipe(
        training=training,
        validation=validation,
        network=_network(network, enlarge),
        phases=(
            Phase(
                objective=Fit(SeedsOnly()),
                epochs=max(round(_STEPS / max(len(training) // batch_size, 1)), 1),
                learning_rate=5e-4 if pretrained else 3e-3,
            ),
        ),
        augment=Augment(crop=(crop, crop), centre_on_labels=0.5),
        optimizer=AdamW(),
        batch_size=batch_size,
    )


def _split(data: str) -> tuple[Folder | Fold, Folder | Fold | None]:
    """Training and validation pictures: the folder's own splits, else four fifths and one fifth of the volumes."""
    root = Folder(data, split="all").root
    own = [(root / "splits" / f"{name}.txt").is_file() for name in ("train", "val")]
    masks = list_files(root / "masks", []) if (root / "masks").is_dir() else {}
    if own == [False, True]:
        found, mend = f"{root / 'splits'} has val.txt, but no train.txt", "list the pictures to train on in train.txt"
        raise DataInvalid(found, mend=mend)
    pictures = Folder(data, "train" if own[0] else "all")
    if not masks:
        return pictures, None
    if all(own):
        training, validation = pictures, Folder(data, "val", labels=())
    else:
        group = read_declaration(root).volume
        volumes = {found[0] if (found := re.search(group, key)) and group else key for key in pictures.keys}
        if len(volumes) < 2:
            return pictures, None
        parts = min(5, len(volumes))
        training, validation = (Fold(pictures, held_out, of=parts, group=group) for held_out in (False, True))
    _require_masks(validation.keys, masks, root)
    return training, validation


def _require_masks(keys: tuple[str, ...], masks: Collection[str], root: Path) -> None:
    """Find out before the training, not at its first validation."""
    bare = [key for key in keys if key not in masks]
    if bare:
        raise DataInvalid(
            f"{len(bare)} of the {len(keys)} pictures to judge by have no mask in {root / 'masks'}: {', '.join(bare)}",
            expected="a mask for each of them, or no masks at all",
            mend="list pictures that have a mask in splits/val.txt, and the others in splits/train.txt",
        )


def _looked_at(training: Folder | Fold) -> int:
    """The median shorter side of a few pictures, after making sure that something is drawn on one."""
    few = [training[int(i)] for i in np.unique(np.linspace(0, len(training) - 1, 12).round())]
    drawn = any((s.seeds != UNLABELED).any() or s.strokes for s in few)
    if not drawn and not any((s.seeds != UNLABELED).any() or s.strokes for s in training):  # pyright: ignore
        raise DataInvalid(
            "nothing is drawn on any training picture",
            expected="scribbles/, clicks.csv, or masks declared as fully_labelled in dataset.toml",
            mend="mark a few pixels of every class; tags, sizes and boxes alone need a recipe of your own",
        )
    return int(np.median([min(s.valid.shape) for s in few]))


def _network(name: str | None, enlarge: int) -> NetworkSpec:
    if name == "unet":
        return UNet()
    shared = Path(os.environ.get("WEAKSEG_WEIGHTS", "")) / _SHARED_WEIGHTS
    usual = _SHARED_WEIGHTS if "WEAKSEG_WEIGHTS" in os.environ and shared.is_dir() else _HUB_WEIGHTS
    return Pretrained(name or usual, enlarge=float(enlarge))
