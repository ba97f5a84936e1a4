"""Sources of weak labels that masks contradict."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from weakseg.data.folder.annotated import SOURCE
from weakseg.data.folder.contents import Contents
from weakseg.data.folder.folder import read_sample, read_values, sample_of_tables
from weakseg.data.images.image_file import decode
from weakseg.data.images.orientation import AS_STORED
from weakseg.data.inventory.agreement import Cause, Marks, clicked, drawn, likely_cause
from weakseg.data.inventory.in_place import Marked
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.files.layout import CLICKS, MASKS
from weakseg.finding import Finding, counted, some
from weakseg.types import UNLABELED

_MOST = 0.1
"""Largest fraction of errors in labels with positions; on human scribbles of hearts and photos it is below 0.001."""
_LEAST = 20
"""Fewest contradicted pixels: fewer may be a slip of the pen."""
_MOST_OF_TABLES, _LEAST_OF_TABLES = 0.3, 5
"""Both limits for tags, sizes and boxes, whose rows say more than a pixel; the second holds for clicks too."""
_HALF = 0.5
"""Fraction of a single map from which its contradiction is a fault."""
_TRIED = 40
"""Most images that are searched for the cause."""


def disagreements(inventory: Inventory, looks: Looks) -> list[Finding]:
    """A finding for each source that masks contradict.

    It names the images, and a correction if one makes both agree.
    """
    found = []
    for source in dict.fromkeys(source for each in looks.values() for source in each.compared):
        each = {key: look.compared[source] for key, look in looks.items() if source in look.compared}
        said, denied = sum(one.said for one in each.values()), sum(one.denied for one in each.values())
        maps = source in inventory.layers
        share = _MOST if source in _places(inventory) else _MOST_OF_TABLES
        least = _LEAST if maps else _LEAST_OF_TABLES
        wrong = [key for key, one in each.items() if maps and one.denied > max(_HALF * one.said, _LEAST)]
        keys = tuple(key for key, one in each.items() if one.denied > share * one.said)
        if sum(each[key].denied for key in keys) < least:
            continue
        text = (
            f"{100 * denied / said:.3g}% of the labels on {counted([*each])} with a mask contradict the mask,"
            f" most in {counted(keys, [*each])}: {some(keys)}"
        )
        cause = likely_cause(_marks(inventory, looks, source, keys[:_TRIED])) if source in _places(inventory) else None
        if cause:
            text += f"; {cause.agreement:.0%} of them would agree if they were {_undone(inventory, cause)}"
        fix = _mend(inventory, source, cause, whole=len(keys) == len(each))
        # A few of many images may be swapped, or annotated carelessly: a remark.
        few = not wrong and denied <= share * said
        found.append(Finding(_file(inventory, source), text, "labels that agree with the masks", fix, keys, remark=few))
    return found


def _places(inventory: Inventory) -> list[str]:
    """Sources whose labels have positions."""
    return [*inventory.layers, CLICKS, SOURCE]


def _file(inventory: Inventory, source: str) -> Path:
    annotated = inventory.contents.annotated
    return annotated.place if annotated is not None and _is_in_place(source) else inventory.root / source


def _is_in_place(source: str) -> bool:
    return source.partition(":")[0] == SOURCE


def _marks(inventory: Inventory, looks: Looks, source: str, keys: Sequence[str]) -> list[Marks]:
    contents, found = inventory.contents, []
    upright = contents.legend.declaration.reading.upright

    def read(source: str, key: str):
        raw = read_values(inventory.layers[source][key], contents.legend, source)
        return contents.legend.labels(raw, source)

    for key in keys:
        mask = read(MASKS, key)
        if source == CLICKS:
            each = clicked(read_sample(replace(contents, annotated=None), key), mask)
        elif source == SOURCE:
            each = drawn(_drawn_in_place(contents, key, mask), mask)
        else:
            each = drawn(read(source, key), mask)
        found.append(replace(each, orientation=looks[key].orientation if upright else AS_STORED))
    return found


def _drawn_in_place(contents: Contents, key: str, mask: Int[np.ndarray, "H W"]) -> Int[np.ndarray, "H W"]:
    read = decode(contents.images[key], contents.legend.declaration.reading)
    marked = Marked.of(contents, sample_of_tables(contents, key, read, mask))
    return np.full_like(mask, UNLABELED) if marked is None else marked.drawn


def _undone(inventory: Inventory, cause: Cause) -> str:
    names = inventory.contents.legend.classes.names
    pairs = [f"'{names[label]}' for '{names[shown]}'" for label, shown in cause.becomes if label != shown]
    return f"numbered otherwise, {' and '.join(pairs)}" if pairs else cause.words


def _mend(inventory: Inventory, source: str, cause: Cause | None, whole: bool) -> str:
    legend, look = inventory.contents.legend, "compare both on the page that --html writes"
    colours = source in inventory.layers and bool(legend.convention(source).colours)
    if cause is not None and source == SOURCE:
        names = "if names are exchanged, write the class of each below `[names]` in dataset.toml"
        place = "if marks are misplaced, export the annotations of these very images again"
        return f"{look}; {names if cause.becomes else place}"
    if cause is None:
        return f"{look}, and redraw or export again the one that is wrong"
    if source == CLICKS and (cause.code or cause.by_exif):
        return f"{look}; if the clicks are wrong, correct x and y in clicks.csv"
    if cause.by_exif:
        return (
            f"{look}: one of them was drawn in a program that ignores the EXIF orientation. If the labels were,"
            f" for the file of each of these images in {source}/ and its `photo` in images/"
            " `labels = PIL.Image.open(file); labels.getexif()[274] = PIL.Image.open(photo).getexif().get(274, 1)` and"
            " `PIL.ImageOps.exif_transpose(labels).save(file)`; if the mask was, do the same for its file in masks/"
        )
    if cause.code:
        code = f"`labels = {cause.code}; PIL.Image.fromarray(labels).save(file)`"
        # Where colours are declared a palette is read by its colours, which an array of its indices would lose.
        painted = "numpy.asarray(read.convert('RGBA') if read.mode == 'P' else read)"
        read = f"`read = PIL.Image.open(file)` and `labels = {painted}`"
        read = read if colours else "`labels = numpy.asarray(PIL.Image.open(file))`"
        return (
            f"{look}; if the labels are misplaced, run for each of these files in {source}/"
            f" {read} and {code}; if the mask is, draw it again"
        )
    numbers, becomes = legend.numbers_in(source) if source in inventory.layers else (), dict(cause.becomes)
    if colours:
        return f"{look}, and give these labels the colours and values that dataset.toml declares for their classes"
    if source == CLICKS or not whole or len(legend.declared) != len(legend.classes):
        return f"{look}, and give these labels the class names and values of the masks"
    free = [number for label, number in enumerate(numbers) if label not in becomes]
    meant = {shown: numbers[label] for label, shown in becomes.items()}
    values = [meant[label] if label in meant else free.pop(0) for label in range(len(numbers))]
    said = f"`values = [{', '.join(map(str, values))}]` below a line `[{source}]`"
    return f"{look}; if the labels are numbered wrongly, set {said} at the end of dataset.toml"
