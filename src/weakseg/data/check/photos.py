"""Photos that are turned or mirrored when they are read: labels drawn in a program that does not lie elsewhere."""

from collections import Counter

from weakseg.data.images.orientation import AS_STORED
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.finding import Finding, counted


def turned_photos(inventory: Inventory, looks: Looks) -> list[Finding]:
    """A remark on photos with places marked on them that lie otherwise than they are stored."""
    contents = inventory.contents
    if not contents.legend.declaration.reading.upright:
        return []
    marked = {*contents.boxes, *contents.clicks}.union(*inventory.layers.values())
    each = {key: look.orientation for key, look in looks.items() if look.readable and look.orientation != AS_STORED}
    keys = tuple(key for key in each if key in marked)
    if not keys:
        return []
    kinds = ", ".join(f"{orientation} in {n}" for orientation, n in sorted(Counter(map(each.get, keys)).items()))
    return [
        Finding(
            inventory.root / "images",
            f"the files of {counted(keys, [*looks])} say in their EXIF data that they are to be turned or mirrored"
            f" (orientation {kinds}), and so they are, as viewers show them",
            "labels that were drawn on the images as viewers show them",
            "look at them in the page that --html writes; if labels lie wrongly there, because the program that they"
            ' were drawn in ignores the orientation, write `exif = "ignore"` at the top of dataset.toml, and all images'
            " are read as they are stored",
            keys,
            remark=True,
        )
    ]
