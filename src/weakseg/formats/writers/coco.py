"""COCO: one JSON file, run lengths for each class of each image."""

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from weakseg.formats.codes import run_lengths
from weakseg.formats.writers.segmented import Segmented


def write_coco(images: Iterable[Segmented], classes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """One file, `instances.json`; classes are numbered from 1."""
    listed, annotations = [], []
    for number, image in enumerate(images, start=1):
        height, width = image.labels.shape
        listed.append({"id": number, "file_name": image.name, "height": height, "width": width})
        for label, top, left, mask in image.masks():
            whole = np.zeros((height, width), bool)
            whole[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": label + 1,
                    "segmentation": {"size": [height, width], "counts": run_lengths(whole.T.ravel())},
                    "bbox": [left, top, mask.shape[1], mask.shape[0]],
                    "area": int(mask.sum()),
                    # Readers of the format take run lengths for those of a crowd alone.
                    "iscrowd": 1,
                }
            )
    categories = [{"id": label, "name": name} for label, name in enumerate(classes, start=1)]
    content = {"images": listed, "categories": categories, "annotations": annotations}
    yield "instances.json", json.dumps(content).encode()
