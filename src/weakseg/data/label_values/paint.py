"""Undeclared colours of label maps, and advice on them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from weakseg.data.images.colours import TRANSPARENT, named, rgba_of
from weakseg.data.label_values.convention import Convention
from weakseg.data.label_values.habits import MOST_COLOURS, Values
from weakseg.errors import DataInvalid
from weakseg.types import UNLABELED

_TOLD = 8
"""Most colours that a message lists."""


def undeclared_colours(values: Values, convention: Convention, names: tuple[str, ...]) -> DataInvalid:
    """The error for a painted map with undeclared colours.

    Its advice follows from the colours of this map alone.
    """
    strange = _most_first(values.undeclared)
    near = _nearest(strange[:_TOLD], convention, names)
    told = [f"{named(each)} ({values.undeclared[each]} pixels{near.get(each, '')})" for each in strange[:_TOLD]]
    more = f" and {len(strange) - _TOLD} more" if len(strange) > _TOLD else ""
    number = f"{len(strange)} undeclared colour{'s' * (len(strange) > 1)}"
    found = f"{number}{' or more' * (len(strange) >= MOST_COLOURS)}: {', '.join(told)}{more}"
    if convention.colours:
        known = [f"{named(colour)} ({_meaning(declared, names)})" for colour, declared in convention.colours]
        expected = f"the colours declared by `[colours]` in dataset.toml: {', '.join(known)}"
    else:
        found = f"it is a colour image; {found}"
        expected = "one number per pixel, or colours declared by a table `[colours]` in dataset.toml"
    return DataInvalid(found, expected=expected, fix=mend_of_colours(values, convention, names))


def mend_of_colours(
    values: Values,
    convention: Convention,
    names: tuple[str, ...],
    known: Mapping[int, str] | None = None,
    indexed: bool = False,
) -> str:
    """Advice on undeclared colours.

    Args:
        values: those of all painted maps of the folder with undeclared colours.
        convention: the declared meaning of colours.
        names: names of the declared classes.
        known: names of colours from another file of the folder.
        indexed: whether the maps are palettes whose indices may be meant in place of their colours.
    """
    strange, known = _most_first(values.undeclared), known or {}
    many = len(strange) > 2 * len(names) + _TOLD or 2 * values.blended > sum(values.undeclared.values())
    if convention.colours and many:
        return _without_rims(convention)
    opacity = rgba_of(np.array(strange))[:, 3]
    if ((opacity > 0) & (opacity < 255)).any() and not many:
        return _ROUNDED
    if not convention.colours and _is_grey(strange, convention):
        return _GREY
    plain = [each for each, full in zip(strange, opacity, strict=True) if full in (0, 255)]
    if {*strange} <= {*known}:
        lines = [(known[each], each, "") for each in strange]
        return f"if labelmap.txt is correct, write {_place(convention)}:\n{table(lines, _headed(convention))}"
    advice = _to_be_named(plain, len(strange) - len(plain), values, convention, names)
    return f"{advice}\n{_NUMBERS}" if indexed else advice


def _to_be_named(
    plain: Sequence[int], others: int, values: Values, convention: Convention, names: tuple[str, ...]
) -> str:
    """Advice with a table of colours for the user to name."""
    shown, nothing = plain[: max(len(names) + 2, _TOLD)], convention.key
    # Transparent pixels of scribbles can only be unlabelled.
    undrawn = [each for each in shown if each == TRANSPARENT and nothing == "unlabeled"]
    drawn = [each for each in shown if each not in undrawn]
    said = [*((nothing, each) for each in undrawn), *((f"? {n}", each) for n, each in enumerate(drawn, start=1))]
    lines = [(name, each, f"{values.undeclared[each]:,} pixels") for name, each in said]
    every = f"{', '.join(names[:_TOLD])}{', ...' * (len(names) > _TOLD)}"
    filled = f"with the name of its class ({every}) or {nothing} in place of each number, without other colours"
    asked = f", {filled}" if drawn else ""
    advice = f"write {_place(convention)}{asked}:\n{table(lines, _headed(convention))}"
    if len(plain) + others >= MOST_COLOURS:
        advice = f"if these are photos, or drawn on photos, export the labels alone; otherwise {advice}"
    if rarer := len(plain) + others - len(shown):
        advice += f"\n(the next check lists {rarer} more, which are rarer)"
    return f"{advice}\n{_SEVERAL}" if convention.colours else advice


def table(lines: Iterable[tuple[str, int, str]], headed: bool = True) -> str:
    """Lines of `[colours]` in dataset.toml.

    Args:
        lines: name, colour and comment of each.
        headed: whether the table's own name comes first.
    """
    said = [
        f'    {_key(name)} = "{named(colour)}"' + (f"  # {remark}" if remark else "") for name, colour, remark in lines
    ]
    return "\n".join([*(["    [colours]"] if headed else []), *said])


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _headed(convention: Convention) -> bool:
    return not convention.colours


def _place(convention: Convention) -> str:
    return "below `[colours]` in dataset.toml" if convention.colours else "at the end of dataset.toml"


def _most_first(pixels: Mapping[int, int]) -> list[int]:
    return sorted(pixels, key=lambda colour: (-pixels[colour], colour))


def _meaning(declared: int, names: tuple[str, ...]) -> str:
    return "no class" if declared == UNLABELED else f"'{names[declared]}'"


def _nearest(strange: Sequence[int], convention: Convention, names: tuple[str, ...]) -> dict[int, str]:
    """The nearest declared colour of each undeclared one, in words."""
    strange, declared = ([c for c in of if c != TRANSPARENT] for of in (strange, dict(convention.colours)))
    if not declared or not strange:
        return {}
    ours, theirs = (rgba_of(np.array(of)).astype(int) for of in (declared, strange))
    nearest = np.abs(theirs[:, None] - ours).sum(2).argmin(1).tolist()
    meant = dict(convention.colours)
    return {
        each: f", nearest is {named(declared[index])}, {_meaning(meant[declared[index]], names)}"
        for each, index in zip(strange, nearest, strict=True)
    }


def _is_grey(strange: Sequence[int], convention: Convention) -> bool:
    """Whether colours are declared values in three equal channels."""
    red, green, blue, opacity = rgba_of(np.array(strange)).T
    equal = (red == green).all() and (green == blue).all() and (opacity == 255).all()
    return bool(equal and {*red.tolist()} <= {*convention.values, *convention.nothing})


_GREY = (
    "its three channels are equal: values were saved as colours. Convert each of these files:"
    ' `PIL.Image.open(file).convert("L").save(file)`'
)
_ROUNDED = """paint with full opacity. This code makes half transparent pixels opaque or empty, for each of these files:
    rgba = numpy.array(PIL.Image.open(file).convert("RGBA"))
    rgba[:, :, 3] = numpy.where(rgba[:, :, 3] > 127, 255, 0)
    PIL.Image.fromarray(rgba).save(file)"""
_SEVERAL = '(if a name has a line already, add its colours to that line: `name = ["#000000", "transparent"]`)'
_NUMBERS = (
    "(palettes are read by their colours; if their indices are meant, save each of these files in grey:"
    " `PIL.Image.fromarray(numpy.array(PIL.Image.open(file))).save(file)`)"
)


def _without_rims(convention: Convention) -> str:
    """Advice on blended colours between the declared ones.

    A soft brush, resizing or a lossy file makes them.
    """
    colours = [colour for colour, _ in convention.colours]
    nothing = next((colour for colour, declared in convention.colours if declared == UNLABELED), TRANSPARENT)
    told = tuple(rgba_of(np.array(nothing)).tolist())
    told_colours = [tuple(rgba) for rgba in rgba_of(np.array([c for c in colours if c != TRANSPARENT])).tolist()]
    added = "" if nothing in colours else f' and `{convention.key} = "transparent"` below `[colours]` in dataset.toml'
    clear = " | (rgba[:, :, 3] == 0)" if TRANSPARENT in colours else ""
    return f"""draw with a hard pen (anti-aliasing off), and resize without interpolation: blended edges make colours\
 between the classes. Or make them unlabelled, for each of these files{added}:
    rgba = numpy.array(PIL.Image.open(file).convert("RGBA"))
    known = numpy.any([(rgba == colour).all(axis=2) for colour in {told_colours}], axis=0){clear}
    rgba[~known] = {told}
    PIL.Image.fromarray(rgba).save(file)"""
