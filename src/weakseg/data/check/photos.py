"""Check of labels on photos with an EXIF orientation.

Labels drawn in a program that ignores the orientation are misplaced.
"""

from collections import Counter

from weakseg.data.images.orientation import AS_STORED
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.finding import Finding, counted


def turned_photos(inventory: Inventory, looks: Looks) -> list[Finding]:
    """A remark on labelled photos that are rotated when read."""
    contents = inventory.contents
    if not contents.legend.declaration.reading.upright:
        return []
    marked = {*contents.boxes, *contents.clicks}.union(*inventory.layers.values())
    marked |= {key for key, look in looks.items() if look.tags is not None}
    each = {key: look.orientation for key, look in looks.items() if look.readable and look.orientation != AS_STORED}
    keys = tuple(key for key in each if key in marked)
    if not keys:
        return []
    kinds = ", ".join(f"{orientation} in {n}" for orientation, n in sorted(Counter(map(each.get, keys)).items()))
    return [
        Finding(
            inventory.root / "images",
            f"the files of {counted(keys, [*looks])} have an EXIF orientation ({kinds}), and are rotated or"
            f" mirrored accordingly, as viewers show them",
            "labels that were drawn on the images as viewers show them",
            "look at them on the page that --html writes; if labels are misplaced there, because the annotation"
            ' program ignored the orientation, write `exif = "ignore"` at the top of dataset.toml, and all images'
            " are read as stored",
            keys,
            remark=True,
        )
    ]
