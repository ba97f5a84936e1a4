"""QuPath: a GeoJSON file an image, an annotation for each class."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from uuid import NAMESPACE_URL, uuid5

from weakseg.data.images.label_file import palette
from weakseg.formats.writers.outlines import Ring, outlines
from weakseg.formats.writers.segmented import Segmented


def write_qupath(images: Iterable[Segmented], classes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """A file for each image, to be dropped on the image in QuPath."""
    colours = palette(len(classes)).tolist()
    for image in images:
        features = []
        for label, top, left, mask in image.masks():
            parts = [[_closed(ring, top, left) for ring in part] for part in outlines(mask)]
            one = len(parts) == 1
            features.append(
                {
                    "type": "Feature",
                    "id": str(uuid5(NAMESPACE_URL, f"{image.name}/{classes[label]}")),
                    "geometry": {
                        "type": "Polygon" if one else "MultiPolygon",
                        "coordinates": parts[0] if one else parts,
                    },
                    "properties": {
                        "objectType": "annotation",
                        "classification": {"name": classes[label], "color": colours[label]},
                    },
                }
            )
        content = {"type": "FeatureCollection", "features": features}
        yield f"{PurePosixPath(image.name).stem}.geojson", json.dumps(content).encode()


def _closed(ring: Ring, top: int, left: int) -> list[list[int]]:
    """Corners as x, y, the first once more at the end."""
    corners = [[column + left, row + top] for row, column in ring.tolist()]
    return [*corners, corners[0]]
