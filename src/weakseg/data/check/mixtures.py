"""Folders of label maps with two conventions.

Some files write an object as 1, and others as 255, which is declared as no class. A single file does not show it,
because 0 and 255 may be an image without an object. The evidence is that 255 occurs only where the object is missing.
"""

from collections.abc import Collection

import numpy as np

from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.data.inventory.statistics import LabelCounts, total
from weakseg.files.layout import MASKS
from weakseg.finding import Finding, some

_CHANCE = 0.05
"""Largest probability that a single convention would look like two by chance."""
_FEW = 2
"""Fewest maps of a convention; a single one is at most a remark."""
_COVERED, _SPARSE = 0.8, 0.5
"""Fractions of an image: more than the first is not drawn by hand, and scribbles cover less than the second."""
_FORGOTTEN = 0.2
"""Fraction of the images with an object without its scribble that is too large for a slip."""

Counts = dict[str, LabelCounts]
"""Label counts of the maps of one folder, by key."""


def mixtures(inventory: Inventory, looks: Looks) -> list[Finding]:
    """Findings about folders with two conventions.

    The value for no class means an object in some of the files.
    """
    legend, found = inventory.contents.legend, []
    counts = {
        source: {key: looks[key].counts[source] for key in maps if looks[key].readable}
        for source, maps in inventory.layers.items()
    }
    for source, maps in counts.items():
        convention = legend.convention(source)
        if convention.colours or len(convention.nothing) != 1 or len(legend.classes) < 2:
            continue
        if source == MASKS:
            found += _objects_as_void(inventory, maps)
        else:
            found += _nothing_as_background(inventory, source, maps)
            found += _lost_strokes(inventory, source, maps, counts.get(MASKS, {}))
    return found


def _objects_as_void(inventory: Inventory, maps: Counts) -> list[Finding]:
    """Masks of one class and void, beside others without void.

    The others show several classes.
    """
    voided = {key: each for key, each in maps.items() if each.valid_pixels < each.pixels and each.marked_pixels.any()}
    shown = {_only(each) for each in voided.values()}
    ground = next(iter(shown), None)
    others = [key for key, each in maps.items() if each.valid_pixels == each.pixels]
    clean = [key for key in others if _only(maps[key]) != ground]
    # The probability of so many images without an object, estimated from the masks without void.
    chance = ((len(others) - len(clean) + 1) / (len(others) + 2)) ** len(voided)
    if len(shown) > 1 or ground is None or len(clean) < _FEW or chance > _CHANCE:
        return []
    root, (void,) = inventory.root / MASKS, inventory.contents.legend.convention(MASKS).nothing
    value, name = _written(inventory, MASKS, ground)
    text = (
        f"{len(voided)} of {len(maps)} maps contain only {value} ('{name}') and {void} (void),"
        f" {_named(inventory, 'masks', voided)};"
        f" {len(clean)} others show more classes and no void, {_named(inventory, 'masks', clean)}"
    )
    expected = f"the same value for a class in all of them; {void} means void"
    return [Finding(root, text, expected, _mend_of_masks(inventory, ground), tuple(voided), len(voided) < _FEW)]


def _mend_of_masks(inventory: Inventory, ground: int) -> str:
    legend = inventory.contents.legend
    convention, names = legend.convention(MASKS), legend.declared
    (void,), values = convention.nothing, legend.numbers_in(MASKS)
    if len(names) == len(legend.classes) == 2:
        name = names[1 - ground]
        return (
            f"if {void} stands for '{name}' in some of them, as in the binary masks of ImageJ, set"
            f' `instances = "{name}"` and `void = []` below a line `[masks]` at the end of dataset.toml: then'
            f" {values[1 - ground]}, {void} and every undeclared value mean '{name}'"
        )
    changed = _rewritten(f"numpy.where(labels == {void}, VALUE, labels)")
    meant = _alternatives(inventory, MASKS, ground)
    return (
        f"if {void} stands for a class, for each file in masks/ that contains only {values[ground]} and {void}"
        f" {changed}, where VALUE is that of its class: {meant}"
    )


def _nothing_as_background(inventory: Inventory, source: str, maps: Counts) -> list[Finding]:
    """Scribbles that one class covers almost entirely, beside sparse ones."""
    filled = {key: each for key, each in maps.items() if _COVERED <= each.labelled_share < 1}
    ground = _only(total([*filled.values()], inventory.contents.legend.classes))
    sparse = [key for key, each in maps.items() if 0 < each.labelled_share < _SPARSE]
    if ground is None or len(filled) < _FEW or len(sparse) < _FEW or len(filled) + len(sparse) < _drawn(maps):
        return []
    (nothing,) = inventory.contents.legend.convention(source).nothing
    value, name = _written(inventory, source, ground)
    share = min(each.labelled_share for each in filled.values())
    text = (
        f"{len(filled)} of {len(maps)} maps contain only {value} ('{name}'), on {share:.0%} of the pixels or more,"
        f" and {nothing} (not annotated), {_named(inventory, source, filled)}; the others leave most pixels out"
    )
    changed = _rewritten(f"numpy.where(labels == {nothing}, VALUE, {nothing})")
    fix = (
        f"if {value} means unlabelled there and {nothing} is the stroke of a class, for each file in {source}/"
        f" that contains only {value} and {nothing} {changed}, where VALUE is that of its class:"
        f" {_alternatives(inventory, source, ground)}; if these are full segmentations with void, move them to masks/"
    )
    return [Finding(inventory.root / source, text, f"{nothing} on unlabelled pixels", fix, tuple(filled))]


def _lost_strokes(inventory: Inventory, source: str, maps: Counts, masks: Counts) -> list[Finding]:
    """Scribbles that lack the second of two classes.

    The value for unlabelled pixels may stand for it.
    """
    legend = inventory.contents.legend
    drawn = {key: _only(each) for key, each in maps.items() if each.marked_pixels.any()}
    alone = {key for key, only in drawn.items() if only is not None and maps[key].labelled_share < _SPARSE}
    shown = {drawn[key] for key in alone}
    both = [key for key, only in drawn.items() if only is None]
    if len(legend.classes) != 2 or shown != {0} or len(alone) < _FEW or len(both) < _FEW:
        return []
    (nothing,), (value, name) = legend.convention(source).nothing, _written(inventory, source, 1)
    denied = [key for key in alone if key in masks and masks[key].marked_pixels[1]]
    told = [key for key in drawn if key in masks and masks[key].marked_pixels[1]]
    sure = len(denied) >= _FEW and len(denied) > _FORGOTTEN * len(told)
    keys = sorted(denied if sure else alone)
    text = (
        f"{len(keys)} of {len(maps)} maps label '{legend.classes.names[0]}' but not '{name}'"
        + (", which their masks show" if sure else "")
        + f", {_named(inventory, source, keys)}"
    )
    fix = (
        f"if {nothing} was written for '{name}' there, export or draw them again with {value}: a stroke of {nothing}"
        f" cannot be distinguished from unlabelled pixels; if it was forgotten, draw it"
    )
    return [Finding(inventory.root / source, text, "", fix, tuple(keys), remark=not sure)]


def _only(counts: LabelCounts) -> int | None:
    """The only class in a map, if it has just one."""
    (shown,) = np.nonzero(counts.marked_pixels)
    return int(shown[0]) if len(shown) == 1 else None


def _drawn(maps: Counts) -> int:
    return sum(bool(each.marked_pixels.any()) for each in maps.values())


def _written(inventory: Inventory, source: str, label: int) -> tuple[int, str]:
    """The value and the name of a class."""
    legend = inventory.contents.legend
    return legend.numbers_in(source)[label], legend.classes.names[label]


def _alternatives(inventory: Inventory, source: str, ground: int) -> str:
    """The choices for VALUE: `1 for 'disk', 2 for 'bar'`."""
    labels = [label for label in range(len(inventory.contents.legend.classes)) if label != ground]
    return ", ".join(f"{value} for '{name}'" for value, name in (_written(inventory, source, each) for each in labels))


def _rewritten(values: str) -> str:
    """Code that changes one file."""
    return (
        f"`labels = numpy.asarray(PIL.Image.open(file))` and `PIL.Image.fromarray({values}.astype('uint8')).save(file)`"
    )


def _named(inventory: Inventory, source: str, keys: Collection[str]) -> str:
    return some([inventory.layers[source][key].name for key in keys])
