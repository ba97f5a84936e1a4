"""Likely causes of undeclared values in label maps.

Each cause is a habit of other programs, with the declaration that makes sense of it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from weakseg.data.images.colours import is_painted, rgba_of
from weakseg.data.label_values.blends import END, HARDER, between, pixels_of, rims
from weakseg.data.label_values.convention import LEAST, MOST, Convention
from weakseg.errors import DataInvalid
from weakseg.files.layout import MASKS, SCRIBBLES

MOST_COLOURS = 1000
"""Most colours of a map that are counted; of more, the most frequent ones."""
_MANY = 8
"""Most undeclared values that may be forgotten classes."""


@dataclass(frozen=True)
class Values:
    """The values of label maps, with their numbers of pixels."""

    pixels: dict[int, int]
    undeclared: dict[int, int]
    blended: int
    """Number of undeclared pixels between a larger and a smaller value; all of them if declared values are blended."""


def values_of(raw: Int[np.ndarray, "H W"], undeclared: Bool[np.ndarray, "H W"], nothing: Sequence[int]) -> Values:
    """The values, or colour numbers, of one map.

    Args:
        raw: the map.
        undeclared: mask of the undeclared ones.
        nothing: values that mean no class.
    """
    if is_painted(raw):
        blended = between(rgba_of(raw)) & undeclared
        return Values(_commonest(raw), _commonest(raw[undeclared]), int(blended.sum()))
    # Beside blends, a value beyond all classes is a blend too: JPEG overshoots.
    overshot = rims(np.where(undeclared, END, raw), nothing).blended
    blended = undeclared if overshot else between(raw) & undeclared
    return Values(pixels_of(raw), pixels_of(raw[undeclared]), int(blended.sum()))


def together(parts: Sequence[Values]) -> Values:
    """The values of several maps of one folder."""
    pixels, undeclared = Counter(), Counter()
    for part in parts:
        pixels.update(part.pixels)
        undeclared.update(part.undeclared)
    return Values(dict(pixels), dict(undeclared), sum(part.blended for part in parts))


def undeclared(values: Values, convention: Convention, names: tuple[str, ...]) -> DataInvalid:
    """The error for a map with undeclared values.

    Its advice follows from the values of this map alone.
    """
    strange = sorted(values.undeclared)
    told = ", ".join(f"{value} ({values.undeclared[value]} pixels)" for value in strange[:_MANY])
    more = f" and {len(strange) - _MANY} more" if len(strange) > _MANY else ""
    nothing = f" or {listed(convention.nothing)} (no class)" if convention.nothing else ""
    return DataInvalid(
        f"{len(strange)} undeclared value{'s' * (len(strange) > 1)}: {told}{more}",
        expected=f"{listed(convention.values)} (the classes){nothing}",
        fix=likely_mend(values, convention, names),
    )


def listed(values: Sequence[int]) -> str:
    """Numbers in words: `0 to 3`, or `0, 1, 4`."""
    if len(values) > 1 and [*values] == [*range(values[0], values[0] + len(values))]:
        return f"{values[0]} to {values[-1]}"
    return ", ".join(map(str, values))


def likely_mend(values: Values, convention: Convention, names: tuple[str, ...]) -> str:
    """Advice on undeclared values, by their likely cause.

    Args:
        values: those of all maps of the folder with undeclared values, so that the advice fits each of them.
        convention: the declared meaning of values.
        names: names of the declared classes.
    """
    strange = sorted(values.undeclared)
    # Blends first: their values look like many classes, and each further advice would be wrong.
    if 2 * values.blended > sum(values.undeclared.values()):
        return HARDER.format("the map", "it")
    if strange[0] < LEAST or strange[-1] > MOST:
        return (
            f"save the map with values from {LEAST} to {MOST} only, for instance"
            f" `labels[labels == {strange[0] if strange[0] < LEAST else strange[-1]}] = 255` for pixels without a class"
        )
    if strange[-1] < 0:
        return f"if {listed(strange)} means no class, set {_set(convention, _kept(values, convention))}"
    if spread := _spread(values, convention, names):
        return spread
    # More values than classes can have: numbers of objects.
    if strange[0] > 0 and (len(strange) > _MANY or len(strange) > 2 * len(names)):
        return _of_instances(values, convention, names)
    return _of_few(values, convention, names)


def _spread(values: Values, convention: Convention, names: tuple[str, ...]) -> str:
    """Advice on unexpected values, one for each class.

    They count from 1, have gaps, or are grey values.
    """
    held, undrawn = sorted(values.pixels), _undrawn(values, convention)
    nothing = undrawn or tuple(value for value in held if value in convention.nothing)
    for apart in (nothing,) if undrawn else (nothing, ()):
        mine = [value for value in held if value not in apart]
        changed = [] if {*apart} <= {*convention.nothing} and (apart or not nothing) else [_said(convention, apart)]
        if len(mine) != len(names) or (not apart and len(mine) < 2):
            continue
        if tuple(mine) == convention.values:
            return f"if {listed(apart)} means no class, set {_set(convention, apart)}"
        counted = mine == [*range(mine[0], mine[0] + len(mine))]
        changed += [f"first_value = {mine[0]}" if counted else f"values = [{', '.join(map(str, mine))}]"]
        meant = " and ".join(f"{value} is '{name}'" for value, name in zip(mine, names, strict=True))
        words = f" and {listed(apart)} means no class" if apart else ""
        return f"if {meant}{words}, set {_below(convention, *changed)}"
    return ""


def _of_instances(values: Values, convention: Convention, names: tuple[str, ...]) -> str:
    held = [value for value in values.pixels if value in convention.nothing and value > 0]
    free = _below(convention, f'instances = "{names[-1]}"', *([_said(convention, ())] if held else []))
    return (
        f"if each object has its own number and all of them are '{names[-1]}', set {free}; with objects of several"
        " classes, replace each number by its class: `labels = numpy.array([0, class of object 1, class of object"
        " 2, ...])[labels]`"
    )


def _of_few(values: Values, convention: Convention, names: tuple[str, ...]) -> str:
    """Advice on a few values beyond the classes.

    Classes may count from 1, several values may mean no class, or classes may have no name.
    """
    strange, last, first = sorted(values.undeclared), max(convention.values), convention.values[0]
    key, masks = convention.key, convention.folder == MASKS
    held = {value for value in values.pixels if value not in convention.nothing or value == 0}
    if held.isdisjoint(convention.values):
        said = _below(convention, "values = [...]", f"{key} = [...]")
        return f"list the value of each class in the order of their names, and those of no class in `{key}`: {said}"
    word = "must not be evaluated" if masks else "means that nothing is drawn"
    advice = []
    if strange == [last + 1] and first == 0 and (_undrawn(values, convention) == (0,) or (masks and 0 in held)):
        said = _below(convention, f"{key} = 0", "first_value = 1")
        advice.append(f"if 0 {word} and classes count from 1, set {said}")
    if masks or not advice:
        advice.append(f"if {listed(strange)} {word}, set {_set(convention, _kept(values, convention))}")
    if strange[0] == last + 1:
        advice.append(f"if {listed(strange)} is a class, add its name to classes.txt")
    advice.append(
        "if classes have other values, list them in the order of their names: " + _below(convention, "values")
    )
    if strange[0] > 0 and 1 <= len(names) <= 2:
        advice.append("if each object has its own number, " + _below(convention, f'instances = "{names[-1]}"'))
    return "; ".join([*advice, "otherwise correct the file"])


def _undrawn(values: Values, convention: Convention) -> tuple[int, ...]:
    """The most frequent value of scribbles.

    It must mean that nothing is drawn there, if it has most pixels.
    """
    commonest = max(values.pixels, key=lambda value: values.pixels[value])
    # Scribbles leave most pixels out, whatever number a program writes there.
    most = 2 * values.pixels[commonest] > sum(values.pixels.values())
    return (commonest,) if most and convention.folder != MASKS else ()


def _kept(values: Values, convention: Convention) -> list[int]:
    """Undeclared values, and occurring ones declared as no class."""
    return sorted({*values.undeclared, *({*convention.nothing} & {*values.pixels} - {*convention.values})})


def _said(convention: Convention, values: Sequence[int]) -> str:
    said = str(values[0]) if len(values) == 1 else f"[{', '.join(map(str, values))}]"
    return f"{convention.key} = {said}"


def _set(convention: Convention, values: Sequence[int]) -> str:
    return f"`{_said(convention, values)}` in dataset.toml"


def _below(convention: Convention, *lines: str) -> str:
    """Lines of dataset.toml for one folder alone."""
    table = MASKS if convention.folder == MASKS else SCRIBBLES
    return " and ".join(f"`{line}`" for line in lines) + f" below a line `[{table}]` at the end of dataset.toml"


def _commonest(colours: Int[np.ndarray, "..."]) -> dict[int, int]:
    """The number of pixels of the most frequent colours.

    A photo may have a colour for each of its pixels.
    """
    each, counts = np.unique(colours, return_counts=True)
    # Stable, so that the message is the same on every machine.
    kept = np.argsort(-counts, kind="stable")[:MOST_COLOURS]
    return dict(zip(each[kept].tolist(), counts[kept].tolist(), strict=True))
