"""What a data folder says about itself: `dataset.toml`, or the defaults where there is none."""

import os
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from unicodedata import normalize

from weakseg.data.images.colours import number_of, written
from weakseg.data.images.image_file import Reading
from weakseg.data.images.nodata import A_MARK, as_text
from weakseg.data.images.value_range import Range, require_range
from weakseg.data.label_values.convention import LEAST, MOST, Convention, FolderDeclaration
from weakseg.data.name_pattern import problem_of
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import read_text
from weakseg.types import UNLABELED

_A_COLOUR = '"#rrggbb", "transparent" or [red, green, blue] with numbers from 0 to 255'
_TOLD = 300
"""Names that a message lists."""


@dataclass(frozen=True)
class Declaration:
    """What `dataset.toml` says; the defaults are what its absence means."""

    unlabeled: int | tuple[int, ...] = 255
    """Value of scribble maps that means "not annotated", from -32768 to 65535; where it is also a class's value, that
    class is not drawn. Several are a tuple."""
    void: int | tuple[int, ...] = 255
    """Value of masks that means "must not be judged", from -32768 to 65535; several are a tuple, and none is an empty
    one."""
    classes: tuple[str, ...] = ()
    """Names, in the order of their values; empty: the lines of `classes.txt`."""
    background: str | None = "background"
    """Class that means "nothing else"; the default is ignored where no class has that name."""
    merge: tuple[tuple[str, str], ...] = ()
    """(class, class it becomes) pairs."""
    fully_labelled: tuple[str, ...] = ()
    """Keys, or patterns with * and ?, of the images whose mask is a training label."""
    everything_drawn: tuple[str, ...] = ()
    """Keys, or patterns with * and ?, of the images on which every class that they show is drawn, boxed or tagged:
    other classes are absent from them. `true` in the file is all, ("*",)."""
    first_value: int = 0
    """Value of the first class in label maps, from -32768 to 65535 (napari and scikit-image count from 1 and leave 0
    unlabeled)."""
    values: tuple[int, ...] = ()
    """Value of each class in label maps, from -32768 to 65535, where they do not count up from `first_value`."""
    instances: str = ""
    """Class of every value above 0 that is not declared otherwise, where each object has a number of its own."""
    folders: tuple[tuple[str, FolderDeclaration], ...] = ()
    """(name of a folder of label maps, what is declared for it alone) pairs."""
    volume: str = ""
    """Regular expression; what it matches in a key names the volume a slice belongs to. Empty: the whole key."""
    nested: bool = False
    """True: subfolders of images/ and of folders of label maps are read as well, and keys are paths, "site/name"."""
    exif: str = "turn"
    """"turn": photos are read as their EXIF orientation shows them; "ignore": as they are stored, labels too."""
    range: Range | None = None
    """The numbers that stand for black and white in images of more than 8 bits; `None`: all that the files could hold,
    0 and 65535 in 16 bits, 0 and 1 in floating point."""
    nodata: str = ""
    """What marks the pixels of images that hold no data, and are then as void: a number that all channels have, "nan",
    or "transparent"; empty: nothing does."""
    unscored: tuple[str, ...] = ()
    """Classes left out of every mean, because the masks hold too little of them."""
    colours: tuple[tuple[str, str], ...] = ()
    """(class, or "void" in masks, or "unlabeled" in scribbles; "#rrggbb" or "transparent") pairs: what the colours of
    label maps mean that are painted. Where there are some, palettes are read by their colours too."""

    def __post_init__(self):
        for name in ("unlabeled", "void", "first_value", "values"):
            _require_values(name, getattr(self, name))
        for folder, said in self.folders:
            for name in ("nothing", "first_value", "values"):
                _require_values(f"{name} of [{folder}]", getattr(said, name))
        if self.exif not in ("turn", "ignore"):
            expected = '"turn", as viewers show photos, or "ignore", as they are stored'
            raise DataInvalid(f"exif = {self.exif!r}", expected=expected)
        for name, colour in self.colours:
            if written(colour) != colour:
                raise DataInvalid(f"the colour of '{name}' is '{colour}'", expected=_A_COLOUR)
        if as_text(self.nodata) is None:
            raise DataInvalid(f"nodata = {self.nodata!r}", expected=A_MARK)
        if self.range is not None:
            require_range(self.range)
        found, fix = problem_of(self.volume)
        if found:
            raise DataInvalid(f"volume = '{self.volume}' {found}", fix=fix)

    @property
    def reading(self) -> Reading:
        """How image files are read."""
        return Reading(upright=self.exif == "turn", range=self.range, nodata=self.nodata)

    def convention(self, folder: str, names: tuple[str, ...]) -> Convention:
        """What the values in a folder of label maps mean: [masks], or [scribbles] for all others that have no table.

        Args:
            folder: its name.
            names: of the declared classes.
        """
        tables = dict(self.folders)
        none = FolderDeclaration()
        said = tables.get(folder) or (none if folder == "masks" else tables.get("scribbles", none))
        nothing = _several(self.void if folder == "masks" else self.unlabeled)
        alone = said.first_value is not None or said.values
        first, values = (said.first_value or 0, said.values) if alone else (self.first_value, self.values)
        other = said.instances or self.instances
        return Convention(
            folder=folder,
            nothing=nothing if said.nothing is None else said.nothing,
            values=values or tuple(range(first, first + len(names))),
            other=names.index(other) if other in names else None,
            colours=self._colours("void" if folder == "masks" else "unlabeled", names),
        )

    def _colours(self, nothing: str, names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
        """What each colour stands for, that of nothing last: a class of the same colour is not drawn."""
        of_classes = [(number_of(colour), names.index(name)) for name, colour in self.colours if name in names]
        if nothing in names:
            return tuple(of_classes)
        return (*of_classes, *((number_of(colour), UNLABELED) for name, colour in self.colours if name == nothing))


def _several(values: int | tuple[int, ...]) -> tuple[int, ...]:
    return values if isinstance(values, tuple) else (values,)


def _require_values(name: str, values: int | tuple[int, ...] | None) -> None:
    if strange := [value for value in _several(0 if values is None else values) if not LEAST <= value <= MOST]:
        raise DataInvalid(f"{name} = {strange[0]}", expected=f"a value of label maps, {LEAST} to {MOST}")


def read_declaration(path: Path) -> Declaration:
    """What the `dataset.toml` in a folder says; the defaults where there is none.

    Raises:
        DataInvalid: it is not TOML, or a key is unknown or has a value of the wrong kind; all of them at once.
    """
    path = path / "dataset.toml"
    if not os.path.lexists(path):
        return Declaration()
    try:
        said = tomllib.loads(normalize("NFC", read_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise DataInvalid(f"{path} is not TOML: {error}") from error
    except RecursionError as error:
        raise DataInvalid(f"{path} nests brackets hundreds deep", expected="lists of names") from error
    values, problems = {}, []
    for name, value in said.items():
        try:
            if _is_folder(name) and isinstance(value, dict):
                values.setdefault("folders", []).append((name, _folder_declaration(name, value)))
            else:
                values[name] = _field(name, value)
        except DataInvalid as problem:
            problems.append(problem.at(path))
    if problems:
        raise DataInvalid.of(problems)
    try:
        return Declaration(**{**values, "folders": tuple(values.get("folders", ()))})
    except DataInvalid as problem:
        raise problem.at(path) from problem


def _is_folder(name: str) -> bool:
    """Whether this is the name of a folder of label maps, whose table says what holds for it alone."""
    return name == "masks" or name.startswith("scribbles")


def _folder_declaration(folder: str, table: dict[str, Any]) -> FolderDeclaration:
    """What the table of one folder of label maps says."""
    nothing = "void" if folder == "masks" else "unlabeled"
    known = (nothing, "first_value", "values", "instances")
    if strange := [name for name in table if name not in known]:
        expected, fix = f"one of {', '.join(known)}", suggestion(strange[0], known)
        raise DataInvalid(f"unknown key '{strange[0]}' below [{folder}]", expected=expected, fix=fix)
    said = {name: _field(name, value) for name, value in table.items()}
    if nothing in said:
        said["nothing"] = _several(said.pop(nothing))
    return FolderDeclaration(**said)


def _field(name: str, value: Any) -> Any:
    """A field of the declaration from its TOML value."""
    known = [field.name for field in fields(Declaration) if field.name != "folders"]
    if name not in known:
        expected = f"one of {', '.join(known)}, or a table [masks] or [scribbles]"
        raise DataInvalid(f"unknown key '{name}'", expected=expected, fix=suggestion(name, known))
    default = getattr(Declaration, name)
    if name == "merge":
        fits, expected = _is_names(value, dict), 'a table of names, { horse = "cow" }'
        fitting = tuple(value.items()) if fits else ()
    elif name == "nodata":
        fitting = as_text(value)
        fits, expected = fitting is not None, A_MARK
    elif name == "colours":
        said = value.items() if isinstance(value, dict) else [("", value)]
        fitting = tuple((of, written(colour)) for of, colours in said for colour in _colours_in(colours))
        fits = isinstance(value, dict) and all(colour for _, colour in fitting)
        expected = f"a table [colours], and for each class {_A_COLOUR}; or several, [...]"
    elif name in ("unlabeled", "void", "values"):
        fits = isinstance(value, list) and all(map(_is_whole, value)) or (_is_whole(value) and name != "values")
        expected = "a list of whole numbers, [0, 1, 4]" + (", or one of them" if name != "values" else "")
        fitting = tuple(value) if isinstance(value, list) else value
    elif name == "range":
        fits = isinstance(value, list) and (len(value) == 2 and all(map(_is_number, value)) or not value)
        expected = "two numbers, [0, 4095]"
        fitting = tuple(value) or None if fits else None
    elif name == "everything_drawn" and isinstance(value, bool):
        fits, expected, fitting = True, "", ("*",) if value else ()
    elif isinstance(default, tuple):
        fits, expected = _is_names(value, list), 'a list of names, ["a", "b"]'
        fitting = tuple(value) if fits else ()
    elif isinstance(default, bool):
        fits, expected, fitting = isinstance(value, bool), "true or false", value
    elif isinstance(default, int):
        fits, expected, fitting = _is_whole(value), "a whole number", value
    else:
        fits, expected, fitting = isinstance(value, str), 'text in quotes, ""', value
    if not fits:
        raise DataInvalid(f"{name} = {value!r}", expected=expected)
    return None if name == "background" and value == "" else fitting


def _colours_in(value: Any) -> list[Any]:
    """The colours of one class: several are a list, and so is one that is given by its numbers."""
    return value if isinstance(value, list) and not (value and all(map(_is_whole, value))) else [value]


def _is_whole(value: Any) -> bool:
    # In Python, true is the integer 1.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or isinstance(value, float)


def _is_names(value: Any, kind: type) -> bool:
    parts = list(value.values()) if isinstance(value, dict) else value
    return isinstance(value, kind) and all(isinstance(part, str) for part in parts)


def one_of(known: Collection[str]) -> str:
    """The names that are known, or the first of very many."""
    return f"one of {', '.join(list(known)[:_TOLD])}" + f" and {len(known) - _TOLD:,} more" * (len(known) > _TOLD)


def suggestion(name: str, known: Collection[str]) -> str:
    """What somebody who wrote `name` may have meant, as advice; empty where nothing known is close."""
    if len(known) > _TOLD:
        # To compare with thousands takes a second, for every row of a table.
        known = [other for other in known if other.casefold() == name.casefold()]
    return " or ".join(f"write '{close}'" for close in get_close_matches(name, known, n=2))
