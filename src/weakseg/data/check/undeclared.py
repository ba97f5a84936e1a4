"""Undeclared values of label maps, with one fix per folder.

A fix that suits one map may not suit the next.
"""

from collections.abc import Iterator
from dataclasses import replace

from weakseg.data.images.colours import is_colour
from weakseg.data.images.label_file import same_indices
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.labelmap import read_labelmap
from weakseg.data.inventory.one_image import Looks
from weakseg.data.inventory.statistics import LabelCounts
from weakseg.data.label_values.habits import Values, likely_mend, together, undeclared
from weakseg.data.label_values.paint import mend_of_colours, undeclared_colours
from weakseg.finding import Finding, findings_of


def undeclared_values(inventory: Inventory, looks: Looks) -> list[Finding]:
    """A finding for each map with undeclared values.

    All findings of a folder have the same fix.
    """
    found = []
    for source, maps in inventory.layers.items():
        strange = {key: looks[key].undeclared[source] for key in maps if source in looks[key].undeclared}
        painted = {key: values for key, values in strange.items() if is_colour(max(values.undeclared))}
        numbered = {key: values for key, values in strange.items() if key not in painted}
        found += [*_of_numbers(inventory, looks, source, numbered), *_of_colours(inventory, source, painted)]
    return found


def _of_numbers(inventory: Inventory, looks: Looks, source: str, strange: dict[str, Values]) -> Iterator[Finding]:
    if not strange:
        return
    legend, maps = inventory.contents.legend, inventory.layers[source]
    convention, numbers = legend.convention(source), legend.numbers_in(source)
    sound = [looks[key].counts[source] for key in maps if key not in strange and source in looks[key].counts]
    values = together([*strange.values(), *(_of_sound(each, numbers, convention.nothing) for each in sound)])
    fix = likely_mend(values, convention, legend.declared)
    for key, held in strange.items():
        error = undeclared(held, convention, legend.declared)
        yield from (replace(each, fix=fix) for each in findings_of(error, maps[key], "", (key,)))


def _of_colours(inventory: Inventory, source: str, strange: dict[str, Values]) -> Iterator[Finding]:
    if not strange:
        return
    legend, maps = inventory.contents.legend, inventory.layers[source]
    convention, known = legend.convention(source), dict(read_labelmap(inventory.root))
    indexed = same_indices([maps[key] for key in strange], {*convention.values, *convention.nothing})
    fix = mend_of_colours(together([*strange.values()]), convention, legend.declared, known, indexed)
    for key, held in strange.items():
        error = undeclared_colours(held, convention, legend.declared)
        yield from (replace(each, fix=fix) for each in findings_of(error, maps[key], "", (key,)))


def _of_sound(counts: LabelCounts, numbers: tuple[int, ...], nothing: tuple[int, ...]) -> Values:
    """The values of a map without undeclared ones."""
    pixels = {number: n for number, n in zip(numbers, counts.marked_pixels.tolist(), strict=True) if n}
    rest = counts.pixels - sum(pixels.values())
    return Values({**pixels, **({nothing[0]: rest} if rest and nothing else {})}, {}, 0)
