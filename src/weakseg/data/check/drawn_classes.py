"""Whether a class that is not drawn on an image is absent from it, as far as masks of the same images tell."""

from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Look, Looks
from weakseg.finding import Finding, counted, some

_PROPOSED_FROM = 10
"""Images with marks and a mask from which on the key is proposed."""
_AGREED = 0.01
"""On as many of them a class may be left out all the same."""
_OVERLOOKED = 0.002
"""Share of an image that an annotator may leave out: a few pixels of a class are easily not seen."""
_TOLD = 0.02
"""Share of the images with a mask on which a class may be left out, before it is told of."""


def drawn_classes(inventory: Inventory, looks: Looks) -> list[Finding]:
    """`everything_drawn` contradicted by masks, or proposed because they all agree with it."""
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
                f"draw them on {some(told)}, or leave these images out of `everything_drawn`: training would take the "
                "classes for absent",
                tuple(told),
            )
        ]
    undeclared = left.keys() - declared
    agreeing = undeclared - wrong.keys()
    if len(agreeing) < max(_PROPOSED_FROM, (1 - _AGREED) * len(undeclared)) or len(names) < 3:
        return []
    text = f"every class that the mask shows is drawn on {counted(agreeing, undeclared)} with a mask"
    fix = (
        "if that holds for all images, set `everything_drawn = true` in dataset.toml: training then knows which "
        "classes are absent from an image"
    )
    return [Finding(table, text, "", fix, remark=True)]


def _left_out(look: Look) -> list[int] | None:
    """The classes of the mask that nothing else tells of; `None` without a mask, or without marks."""
    mask, told = look.counts.get("masks"), [each for source, each in look.counts.items() if source != "masks"]
    if (
        mask is None
        or not mask.marked_pixels.any()
        or not any(each.marked_pixels.any() or each.boxes.any() for each in told)
    ):
        return None
    known = sum(each.marked_pixels + each.boxes + each.tagged_images for each in told)
    there = mask.marked_pixels > _OVERLOOKED * mask.valid_pixels
    return (there & (known == 0)).nonzero()[0].tolist()
