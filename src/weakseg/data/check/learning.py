"""Checks of the training labels of a data folder."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int

from weakseg.data.check.learnable import LabelledClasses, labelled_by, unlearnable
from weakseg.data.folder.annotated import SOURCE
from weakseg.data.folder.splits import Splits
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.data.inventory.statistics import BORDER, LabelCounts, total
from weakseg.files.layout import MASKS, SIZES, TAGS, TEST, TRAIN, VAL
from weakseg.finding import Finding, findings_of, some
from weakseg.types import PRESENT, UNTOLD, Classes


def findings_of_learning(inventory: Inventory, looks: Looks, splits: Splits, before: list[Finding]) -> list[Finding]:
    """Findings about classes that the labels teach badly.

    None if labels cannot be read.
    """
    keys = training_keys(splits)
    unread = inventory.unread or not all(looks[key].readable for key in keys)
    if not keys or unread or any(not finding.remark for finding in before):
        return []
    classes = inventory.contents.legend.classes
    listed = inventory.root / "splits" / "train.txt"
    place = listed if listed.is_file() else inventory.root
    drawn, tables = _sources(inventory, looks, keys)
    unused = []
    if not labelled_by(drawn, tables, classes).known.any():
        drawn = _counts_of(looks, MASKS, keys)
        unused = [*_masks_alone(drawn, place)]
    labelled, judged = labelled_by(drawn, tables, classes), _judged(looks, (*keys, *splits.get(VAL, ())), classes)
    faults = [finding for problem in unlearnable(labelled, judged) for finding in findings_of(problem, place, "")]
    return faults or [
        *unused,
        *_unknown_classes(inventory, labelled, judged),
        *_only_at_the_border(inventory, drawn, looks),
        *_all_tagged_alike(inventory, looks, labelled, keys),
    ]


def training_keys(splits: Splits) -> tuple[str, ...]:
    """The keys of the training images.

    They are those of "train", or all that no validation or test list names.
    """
    if TRAIN in splits:
        return splits[TRAIN]
    held_back = {key for name, keys in splits.items() if VAL in name or TEST in name for key in keys}
    return tuple(dict.fromkeys(key for keys in splits.values() for key in keys if key not in held_back))


def _sources(inventory: Inventory, looks: Looks, keys: tuple[str, ...]) -> tuple[list[LabelCounts], list[LabelCounts]]:
    """The counts of drawn training labels and of tables."""
    full = inventory.contents.fully_labelled
    drawn = [
        counts
        for key in keys
        for source, counts in looks[key].counts.items()
        if source != "tables" and (source != MASKS or key in full)
    ]
    # Marks may be boxes and tags too.
    tables = [*_counts_of(looks, "tables", keys), *_counts_of(looks, SOURCE, keys)]
    return drawn, tables


def _counts_of(looks: Looks, source: str, keys: Iterable[str]) -> list[LabelCounts]:
    """The counts of one source, on the images that have it."""
    return [looks[key].counts[source] for key in keys if source in looks[key].counts]


def _masks_alone(masks: list[LabelCounts], place: Path) -> Iterator[Finding]:
    """A remark if masks are the only labels.

    They are for evaluation unless they are declared or chosen.
    """
    if any(each.marked_pixels.any() for each in masks):
        text = (
            "the training images have masks only, which are used for evaluation unless they are requested for training"
        )
        fix = "to train on them, use `weakseg train --labels masks`, or write into dataset.toml `fully_labelled ="
        yield Finding(place, text, "", f'{fix} ["*"]`', remark=True)


def _judged(looks: Looks, keys: tuple[str, ...], classes: Classes) -> Int[np.ndarray, " C"]:
    """Pixels of each class in the masks."""
    masks = _counts_of(looks, MASKS, dict.fromkeys(keys))
    return total(masks, classes).marked_pixels


def _unknown_classes(inventory: Inventory, labelled: LabelledClasses, judged: Int[np.ndarray, " C"]) -> list[Finding]:
    """A remark about classes that nothing shows.

    They may be missing from these images.
    """
    ruled = labelled.tabled.any()
    names = [
        f"'{name}'"
        for label, name in enumerate(labelled.classes.names)
        if not (labelled.known[label] or judged[label] or (ruled and label == labelled.classes.background))
    ]
    if not names or len(names) == len(labelled.classes):
        return []
    text, fix = f"no training label shows {some(names)}", "label it on some training images, if it occurs there"
    return [Finding(inventory.root / "classes.txt", text, "", fix, remark=True)]


def _only_at_the_border(inventory: Inventory, drawn: list[LabelCounts], looks: Looks) -> list[Finding]:
    """A remark about classes labelled only near image borders.

    A first stroke of background often is.
    """
    classes = inventory.contents.legend.classes
    said, masks = total(drawn, classes), _counts_of(looks, MASKS, looks)
    elsewhere = total(masks, classes).inner_pixels
    if not masks:
        elsewhere = np.ones_like(said.inner_pixels)
    at_border = (said.marked_images > 1) & (said.inner_pixels == 0) & (elsewhere > 0)
    if not at_border.any() or not said.inner_pixels.any():
        return []
    names = some([f"'{classes.names[label]}'" for label in np.flatnonzero(at_border)])
    text = f"all labelled pixels of {names} lie within {BORDER:.0%} of the border of their images"
    fix = "label it in the middle of images too, close to other classes: a network learns what the labels show"
    return [Finding(inventory.root, text, "labels wherever the class occurs", fix, remark=True)]


def _all_tagged_alike(
    inventory: Inventory, looks: Looks, labelled: LabelledClasses, keys: tuple[str, ...]
) -> list[Finding]:
    """A remark if all tags agree and nothing has a position."""
    sizes = inventory.contents.areas
    boxes = {key for key in keys if any(each.boxes.any() for each in looks[key].counts.values())}
    tags = {key: tags for key in keys if (tags := looks[key].tags) is not None} | inventory.contents.tags
    untold = np.full(len(labelled.classes), UNTOLD)
    said = [tags.get(key, untold) for key in keys if key in tags or key in sizes]
    if labelled.drawn.any() or boxes or len(said) < 2:
        return []
    if any((each != said[0]).any() for each in said):
        return []
    names = some([labelled.classes.names[label] for label in np.flatnonzero(said[0] == PRESENT)])
    place = inventory.root / TAGS if inventory.contents.annotated is None else inventory.contents.annotated.place
    text = f"all {len(said)} tagged images have the same tags ({names})"
    if not any(key in tags for key in keys):
        place, text = inventory.root / SIZES, f"sizes are the only labels of {len(said)} images"
    fix = "add images without some of the classes, or label a few pixels of every class in clicks.csv or scribbles/"
    expected = "images that differ in their classes"
    return [Finding(place, f"{text}, and nothing drawn or boxed says where", expected, fix, remark=True)]
