"""Check of `everything_drawn` against masks.

Masks show whether a class that is not drawn on an image is absent from it.
"""

from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Look, Looks
from weakseg.files.layout import MASKS
from weakseg.finding import Finding, counted, some

_PROPOSED_FROM = 10
"""Fewest images with labels and a mask for proposing the key."""
_AGREED = 0.01
"""Fraction of these images on which a class may be left out nevertheless."""
_OVERLOOKED = 0.002
"""Fraction of an image that an annotator may overlook: a few pixels of a class are easily missed."""
_TOLD = 0.02
"""Fraction of the images with a mask on which a class may be left out without a finding."""


def drawn_classes(inventory: Inventory, looks: Looks) -> list[Finding]:
    """A finding if masks contradict or support `everything_drawn`."""
    names, declared = inventory.contents.legend.classes.names, inventory.contents.everything_drawn
    full = inventory.contents.fully_labelled
    left = {key: found for key, each in looks.items() if key not in full and (found := _left_out(each)) is not None}
    wrong = {key: labels for key, labels in left.items() if labels}
    table = inventory.root / "dataset.toml"
    told = [key for key in wrong if key in declared]
    if len(told) > _TOLD * len(declared & left.keys()):
        classes = sorted({label for key in told for label in wrong[key]})
        return [
            Finding(
                table,
                f"`everything_drawn`, but the masks of {counted(told, declared & left.keys())} show classes that are "
                f"not drawn there: {some([names[label] for label in classes])}",
                "every class that an image shows drawn on it, boxed or tagged",
                f"draw them on {some(told)}, or leave these images out of `everything_drawn`: training would treat "
                "the classes as absent",
                tuple(told),
            )
        ]
    undeclared = left.keys() - declared
    agreeing = undeclared - wrong.keys()
    if len(agreeing) < max(_PROPOSED_FROM, (1 - _AGREED) * len(undeclared)) or len(names) < 3:
        return []
    text = f"every class that the mask shows is drawn on {counted(agreeing, undeclared)} with a mask"
    fix = (
        "if this holds for all images, set `everything_drawn = true` in dataset.toml: training then knows which "
        "classes are absent from an image"
    )
    return [Finding(table, text, "", fix, remark=True)]


def _left_out(look: Look) -> list[int] | None:
    """Classes of the mask without any other label.

    `None` without a mask, or without other labels.
    """
    mask, told = look.counts.get(MASKS), [each for source, each in look.counts.items() if source != MASKS]
    if (
        mask is None
        or not mask.marked_pixels.any()
        or not any(each.marked_pixels.any() or each.boxes.any() for each in told)
    ):
        return None
    known = sum(each.marked_pixels + each.boxes + each.tagged_images for each in told)
    there = mask.marked_pixels > _OVERLOOKED * mask.valid_pixels
    return (there & (known == 0)).nonzero()[0].tolist()
