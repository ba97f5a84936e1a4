"""Folders of label maps with blended edges.

The blends have values that are classes too.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Int

from weakseg.data.folder.folder import read_values
from weakseg.data.folder.legend import Legend
from weakseg.data.images.colours import is_painted
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.data.label_values.blends import END, HARDER, Rims, cores, pixels_of, rims
from weakseg.data.label_values.convention import Convention
from weakseg.files.layout import MASKS
from weakseg.finding import Finding, some

_TRIED = 40
"""Number of maps examined first; if one of them is blended, all are examined."""
_OWN = 0.05
"""Fraction of pixels well inside areas from which a class is not drawn as lines."""


def soft_edges(inventory: Inventory, looks: Looks) -> list[Finding]:
    """A finding for each folder with blended edges."""
    return [finding for source in inventory.layers for finding in _of_folder(inventory, looks, source)]


def _of_folder(inventory: Inventory, looks: Looks, source: str) -> list[Finding]:
    legend, maps = inventory.contents.legend, inventory.layers[source]
    convention = legend.convention(source)
    if not _may_hide(convention):
        return []
    merged = len(legend.declared) > len(legend.classes)
    keys = _of_most_values(looks, source, maps, least=1 if merged else 3)
    seen = {key: rims(_values(legend, source, maps[key]), convention.nothing) for key in keys[:_TRIED]}
    if not any(each.blended for each in seen.values()):
        return []
    seen |= {key: rims(_values(legend, source, maps[key]), convention.nothing) for key in keys[_TRIED:]}
    blended = [key for key in maps if key in seen and seen[key].blended]
    found = sum((seen[key] for key in blended), Rims())
    sound = sum((each for key, each in seen.items() if key not in blended), Rims())
    # If such classes also occur as wide areas, thin ones may be real.
    sure = len(blended) > 1 and sound.sharp >= 2 * sound.long
    sure = sure and (source != MASKS or _of_areas(found, (_values(legend, source, maps[key]) for key in seen)))
    text = (
        f"nearly everywhere, thin lines of a class separate a smaller and a larger value, in {len(blended)} of"
        f" {len(maps)} maps, {some([maps[key].name for key in blended])}: {_told(inventory, source, found)}"
    )
    fix = ("" if sure else "if no class has this shape: ") + HARDER.format("these maps", "them")
    return [Finding(inventory.root / source, text, "classes that touch each other", fix, tuple(blended), not sure)]


def _may_hide(convention: Convention) -> bool:
    """Whether blends may have the value of a class.

    Such a value lies right between two declared ones.
    """
    declared = {*convention.values, *convention.nothing}
    # The numbers of objects have no order.
    return convention.other is None and any({value - 1, value + 1} <= declared for value in convention.values)


def _told(inventory: Inventory, source: str, found: Rims) -> str:
    legend = inventory.contents.legend
    names = dict(zip(legend.convention(source).values, legend.declared, strict=True))
    return some([f"{pixels:,} pixels of {value} ('{names[value]}')" for value, pixels in found.pixels.most_common()])


def _of_most_values(looks: Looks, source: str, keys: Iterable[str], least: int) -> list[str]:
    """Maps with at least `least` values, those with most first.

    The value for no class counts too; blending adds values.
    """
    held = {}
    for key in keys:
        if looks[key].readable:
            counts = looks[key].counts[source]
            held[key] = int((counts.marked_pixels > 0).sum()) + int(counts.marked_pixels.sum() < counts.pixels)
    return sorted((key for key in held if held[key] >= least), key=lambda key: -held[key])


def _values(legend: Legend, source: str, path: Path) -> Int[np.ndarray, "H W"]:
    """The values of a map, or unknown if it is painted.

    Colours have no order.
    """
    values = read_values(path, legend, source)
    return np.full_like(values, END) if is_painted(values) else values


def _of_areas(found: Rims, maps: Iterable[Int[np.ndarray, "H W"]]) -> bool:
    """Whether most rims have classes that also have areas.

    Other classes may be meant as lines, as cell walls are. Several side by side are not walls.
    """
    inside, pixels = Counter[int](), Counter[int]()
    for values in maps:
        inside += cores(values)
        pixels += pixels_of(values)
    sure = [value for value in found.pixels if inside[value] > _OWN * pixels[value] or value in found.graded]
    return 2 * sum(found.pixels[value] for value in sure) > found.pixels.total()
