"""Sources of weak labels that the masks of the same images deny."""

from collections.abc import Sequence
from dataclasses import replace

from weakseg.data.folder.folder import read_sample, read_values
from weakseg.data.images.orientation import AS_STORED
from weakseg.data.inventory.agreement import Cause, Marks, clicked, drawn, likely_cause
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.finding import Finding, counted, some

_MOST = 0.1
"""Share that annotators may err by where they say where; on people's scribbles of hearts and photos it is below
0.001."""
_LEAST = 20
"""Pixels that are denied at least: fewer are a slip of the pen."""
_MOST_OF_TABLES, _LEAST_OF_TABLES = 0.3, 5
"""The same for tags, sizes and boxes, whose rows say more than a pixel; clicks need as many."""
_HALF = 0.5
"""A single map is told of where more than so much of it is denied."""
_TRIED = 40
"""Images that the cause is looked for in."""


def disagreements(inventory: Inventory, looks: Looks) -> list[Finding]:
    """A finding for each source that masks deny, with the images and what would make both agree."""
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
            f"{100 * denied / said:.3g}% of what it says about {counted([*each])} with a mask is something else in the"
            f" mask, most in {counted(keys, [*each])}: {some(keys)}"
        )
        cause = likely_cause(_marks(inventory, looks, source, keys[:_TRIED])) if source in _places(inventory) else None
        if cause:
            text += f"; {cause.agreement:.0%} of it would agree if it were {_undone(inventory, cause)}"
        fix = _mend(inventory, source, cause, whole=len(keys) == len(each))
        # A few images of many may be exchanged ones, or a careless annotator's: worth knowing.
        few = not wrong and denied <= share * said
        found.append(Finding(inventory.root / source, text, "labels that agree with the masks", fix, keys, remark=few))
    return found


def _places(inventory: Inventory) -> list[str]:
    """Sources that say where something is."""
    return [*inventory.layers, "clicks.csv"]


def _marks(inventory: Inventory, looks: Looks, source: str, keys: Sequence[str]) -> list[Marks]:
    contents, found = inventory.contents, []
    upright = contents.legend.declaration.reading.upright

    def read(source: str, key: str):
        raw = read_values(inventory.layers[source][key], contents.legend, source)
        return contents.legend.labels(raw, source)

    for key in keys:
        mask = read("masks", key)
        each = clicked(read_sample(contents, key), mask) if source == "clicks.csv" else drawn(read(source, key), mask)
        found.append(replace(each, orientation=looks[key].orientation if upright else AS_STORED))
    return found


def _undone(inventory: Inventory, cause: Cause) -> str:
    names = inventory.contents.legend.classes.names
    pairs = [f"'{names[label]}' for '{names[shown]}'" for label, shown in cause.becomes if label != shown]
    return f"numbered otherwise, {' and '.join(pairs)}" if pairs else cause.words


def _mend(inventory: Inventory, source: str, cause: Cause | None, whole: bool) -> str:
    legend, look = inventory.contents.legend, "look at both in the page that --html writes"
    if cause is None:
        return f"{look}, and draw or export again what is wrong, the labels or the mask"
    if source == "clicks.csv" and (cause.code or cause.by_exif):
        return f"{look}; if the clicks are wrong, correct x and y in clicks.csv"
    if cause.by_exif:
        return (
            f"{look}: one of both was drawn in a program that ignores the orientation of photos. If it is the labels,"
            f" for the file of each of these images in {source}/ and its `photo` in images/"
            " `labels = PIL.Image.open(file); labels.getexif()[274] = PIL.Image.open(photo).getexif().get(274, 1)` and"
            " `PIL.ImageOps.exif_transpose(labels).save(file)`; if it is the mask, the same for its file in masks/"
        )
    if cause.code:
        code = f"`labels = {cause.code}; PIL.Image.fromarray(labels).save(file)`"
        return (
            f"{look}; if the labels lie wrongly, for each of these files in {source}/"
            f" `labels = numpy.asarray(PIL.Image.open(file))` and {code}; if the mask does, draw it again"
        )
    numbers, becomes = legend.numbers_in(source) if source in inventory.layers else (), dict(cause.becomes)
    if source == "clicks.csv" or not whole or len(legend.declared) != len(legend.classes):
        return f"{look}, and give the classes of these labels the names and numbers that the mask has"
    free = [number for label, number in enumerate(numbers) if label not in becomes]
    meant = {shown: numbers[label] for label, shown in becomes.items()}
    values = [meant[label] if label in meant else free.pop(0) for label in range(len(numbers))]
    said = f"`values = [{', '.join(map(str, values))}]` below a line `[{source}]`"
    return f"{look}; if the labels are numbered wrongly, set {said} at the end of dataset.toml"
