"""What goes with a network when it leaves: its labels, its record and the licence of its first weights."""

import json
import os
import re
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from weakseg.data.inventory.statistics import LabelCounts, count, total
from weakseg.errors import WeaksegError
from weakseg.pretrained.deeplab import DeepLabV3Plus
from weakseg.pretrained.pretrained import Pretrained
from weakseg.pretrained.vgg import Vgg16LargeFov
from weakseg.runs.datasets import Run, dataset

_COUNTED = 500
"""Largest number of training images whose labels are counted, because each has to be read."""
_FULL = 0.9995
_LICENCE = re.compile(r"\A---\n.*?^license(?:_name)?:\s*([^\n]+)$.*?^---$", re.MULTILINE | re.DOTALL)
"""The licence in a model card's head."""


@dataclass(frozen=True)
class About:
    """What is known of a run beside its weights."""

    labels: str
    """What was drawn, in a sentence."""
    base_weights: str
    """Name of the checkpoint that the training began from; empty if it began at random."""
    licence: str
    """Licence of those weights."""
    record: dict[str, Any]
    """The contents of `run.json`, without folders of this machine."""
    scores: dict[str, Any]
    """The validated epoch with the highest mean IoU; empty without validation."""
    counts: LabelCounts | None = None
    """The training labels; `None` where they cannot be read any more."""

    def texts(self) -> dict[str, str]:
        """The same as names and texts."""
        return {
            "labels": self.labels,
            "base_weights": self.base_weights or "none",
            "licence": self.licence,
            "scores": json.dumps(self.scores),
            "run": json.dumps(self.record),
        }


def about(run: Run, licence: str | None = None) -> About:
    """What is known of a run.

    Args:
        run: the run.
        licence: the licence of the weights that it began from, if the user states it.
    """
    counts = _counts(run)
    base = base_weights(run.recipe.network)
    validated = [line for line in run.metrics if isinstance(line.get("mean_iou"), float)]
    best = max(validated, key=lambda line: line["mean_iou"], default={})
    scores = {name: value for name, value in best.items() if name not in ("seconds", "learning_rate", "solves")}
    stated = licence or _licence_of(base)
    return About(_labels(run, counts), base, stated, shareable(run.record), scores, counts)


def _counts(run: Run) -> LabelCounts | None:
    try:
        samples = dataset(run, "training")
        step = -(-len(samples) // _COUNTED)
        return total([count(samples[i], samples.classes) for i in range(0, len(samples), step)], samples.classes)
    # The data may have moved since, or be read by the user's own code.
    except (WeaksegError, OSError):
        return None


def _labels(run: Run, counts: LabelCounts | None) -> str:
    method = str(run.record.get("method") or "").partition(":")[0]
    by = f"; trained by the method {method}" if method else ""
    if counts is None:
        return f"the training images are no longer where they were, so that their labels are not counted{by}"
    share = counts.labelled_share
    marks = "full masks" if share > _FULL else f"marks on {100 * share:.3g} % of the pixels" if share else ""
    others = {"boxes": counts.boxes, "sizes": counts.sized_images}
    others |= {} if share or counts.boxes.any() else {"tags": counts.tagged_images}
    parts = [*filter(None, [marks]), *(name for name, some in others.items() if some.any())]
    return f"{' and '.join(parts) or 'no labels'}, of {counts.images} images{by}"


def base_weights(network: Any) -> str:
    """Name of the checkpoint that a network begins from; empty if it begins at random."""
    if isinstance(network, Pretrained | DeepLabV3Plus):
        return network.name or ""
    if isinstance(network, Vgg16LargeFov):
        return network.weights or ""
    held = [getattr(network, field.name) for field in fields(network)] if is_dataclass(network) else []
    return next(filter(None, map(base_weights, held)), "")


def _licence_of(base: str) -> str:
    """What the model card beside the weights says."""
    if not base:
        return "none: no pretrained weights"
    shelf = os.environ.get("WEAKSEG_WEIGHTS")
    for folder in [Path(base), *([Path(shelf) / base] if shelf else [])]:
        try:
            found = _LICENCE.match((folder / "README.md").read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            return found[1].strip()
    return f"unknown: look at the model card of {Path(base).name} before you pass this network on"


def shareable(record: Any) -> Any:
    """A record in which files of this machine have their names alone."""
    if isinstance(record, dict):
        return {key: shareable(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [shareable(value) for value in record]
    return Path(record).name if isinstance(record, str) and os.path.isabs(record) else record
