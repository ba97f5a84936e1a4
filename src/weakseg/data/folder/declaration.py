"""The declaration of a data folder, `dataset.toml`."""

import os
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from unicodedata import normalize

from weakseg.data.folder.toml_values import A_COLOUR, KINDS, KINDS_OF_DEFAULTS
from weakseg.data.images.colours import number_of, written
from weakseg.data.images.nodata import A_MARK, as_text
from weakseg.data.images.stored import Reading
from weakseg.data.images.value_range import Range, require_range
from weakseg.data.label_values.convention import LEAST, MOST, Convention, FolderDeclaration, key_of_nothing
from weakseg.data.name_pattern import problem_of
from weakseg.errors import DataInvalid
from weakseg.files.layout import MASKS, SCRIBBLES, is_of_label_maps
from weakseg.files.paths import leads_elsewhere
from weakseg.files.regular_file import read_text
from weakseg.marks.mark import KINDS as KINDS_OF_MARKS
from weakseg.marks.uses import Uses
from weakseg.types import UNLABELED

_TOLD = 300
"""Most names that a message lists."""


@dataclass(frozen=True)
class Declaration:
    """The settings of `dataset.toml`, with its defaults."""

    unlabeled: int | tuple[int, ...] = 255
    """Value of scribble maps that means "not annotated", from -32768 to 65535, or a tuple of several; it takes
    precedence over a class with the same value."""
    void: int | tuple[int, ...] = 255
    """Value of masks that means "not evaluated", from -32768 to 65535, or a tuple of several; an empty tuple means
    none."""
    classes: tuple[str, ...] = ()
    """Names of the classes, in the order of their values; empty: the lines of `classes.txt`."""
    background: str | None = "background"
    """Class that means "nothing else"; the default is ignored if no class has that name."""
    merge: tuple[tuple[str, str], ...] = ()
    """Pairs (class, class that it is merged into)."""
    fully_labelled: tuple[str, ...] = ()
    """Keys, or patterns with * and ?, of the images whose mask is a training label."""
    everything_drawn: tuple[str, ...] = ()
    """Keys, or patterns with * and ?, of the images on which every class that they show is drawn, boxed or tagged:
    other classes are absent from them. `true` in the file is all, ("*",)."""
    first_value: int = 0
    """Value of the first class in label maps, from -32768 to 65535 (napari and scikit-image count from 1 and leave 0
    unlabeled)."""
    values: tuple[int, ...] = ()
    """Value of each class in label maps, from -32768 to 65535, if they do not count up from `first_value`."""
    instances: str = ""
    """Class of every undeclared value above 0, for maps in which each object has its own number."""
    folders: tuple[tuple[str, FolderDeclaration], ...] = ()
    """Pairs (folder of label maps, its own declaration)."""
    volume: str = ""
    """Regular expression; its match in a key is the volume that a slice belongs to. Empty: the whole key."""
    nested: bool = False
    """Whether subfolders of images/ and of label folders are read as well; keys are then paths, "site/name"."""
    exif: str = "turn"
    """Treatment of EXIF orientation: "turn" rotates photos and labels accordingly, "ignore" reads them as stored."""
    range: Range | None = None
    """Values of black and white in images of more than 8 bits; `None`: the full range, 0 and 65535 in 16 bits, 0 and 1
    in floating point."""
    nodata: str = ""
    """Marker of pixels without data, which are treated as void: a number in all channels, "nan" or "transparent"; empty
    if there is none."""
    unscored: tuple[str, ...] = ()
    """Classes left out of every mean, because too few pixels of the masks show them."""
    colours: tuple[tuple[str, str], ...] = ()
    """Pairs (class, or "void" in masks, or "unlabeled" in scribbles; "#rrggbb" or "transparent"): meaning of colours in
    painted label maps. If there are any, palettes are read by their colours too."""

    plane: str = ""
    """Plane of the slices of volumes, for predictions of volumes: "axial", "coronal" or "sagittal"; empty if images are
    no slices of volumes."""
    annotations: tuple[str, ...] = ()
    """Paths, inside the folder, of annotation files of other programs that are read as labels."""
    marks: tuple[tuple[str, str, str], ...] = ()
    """Triples (class, or "" for all; kind of mark in annotation files; what it becomes)."""
    names: tuple[tuple[str, str], ...] = ()
    """Pairs (name in annotation files; class, or "ignore")."""

    def __post_init__(self):
        for name in ("unlabeled", "void", "first_value", "values"):
            _require_values(name, getattr(self, name))
        for folder, said in self.folders:
            for name in ("nothing", "first_value", "values"):
                _require_values(f"{name} of [{folder}]", getattr(said, name))
        if self.exif not in ("turn", "ignore"):
            expected = '"turn" (photos as viewers show them) or "ignore" (photos as stored)'
            raise DataInvalid(f"exif = {self.exif!r}", expected=expected)
        for name, colour in self.colours:
            if written(colour) != colour:
                raise DataInvalid(f"the colour of '{name}' is '{colour}'", expected=A_COLOUR)
        if as_text(self.nodata) is None:
            raise DataInvalid(f"nodata = {self.nodata!r}", expected=A_MARK)
        if self.range is not None:
            require_range(self.range)
        found, fix = problem_of(self.volume)
        if found:
            raise DataInvalid(f"volume = '{self.volume}' {found}", fix=fix)
        if self.plane not in ("", "axial", "coronal", "sagittal"):
            raise DataInvalid(f"plane = '{self.plane}'", expected="axial, coronal or sagittal")
        for path in self.annotations:
            _require_within(path)
        if strange := [kind for _, kind, _ in self.marks if kind not in KINDS_OF_MARKS]:
            expected = f"one of {', '.join(KINDS_OF_MARKS)}, or a class with a table of its own"
            fix = suggestion(strange[0], KINDS_OF_MARKS)
            raise DataInvalid(f"unknown kind of mark '{strange[0]}' below [marks]", expected=expected, fix=fix)
        assert self.uses

    @property
    def reading(self) -> Reading:
        """Settings for reading the image files."""
        return Reading(upright=self.exif == "turn", range=self.range, nodata=self.nodata)

    @property
    def uses(self) -> Uses:
        """What marks of annotation files become."""
        kinds = {kind: use for label, kind, use in self.marks if not label}
        return Uses(**kinds, exceptions=tuple(each for each in self.marks if each[0]), names=self.names)

    def convention(self, folder: str, names: tuple[str, ...]) -> Convention:
        """The meaning of the values in a folder of label maps.

        Folders without a table of their own follow [masks] or [scribbles].

        Args:
            folder: name of the folder.
            names: names of the declared classes.
        """
        tables = dict(self.folders)
        none = FolderDeclaration()
        said = tables.get(folder) or (none if folder == MASKS else tables.get(SCRIBBLES, none))
        nothing = _several(getattr(self, key_of_nothing(folder)))
        alone = said.first_value is not None or said.values
        first, values = (said.first_value or 0, said.values) if alone else (self.first_value, self.values)
        other = said.instances or self.instances
        return Convention(
            folder=folder,
            nothing=nothing if said.nothing is None else said.nothing,
            values=values or tuple(range(first, first + len(names))),
            other=names.index(other) if other in names else None,
            colours=self._colours(key_of_nothing(folder), names),
        )

    def _colours(self, nothing: str, names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
        """The class of each colour.

        The colours of no class come last, because they take precedence.
        """
        of_classes = [(number_of(colour), names.index(name)) for name, colour in self.colours if name in names]
        if nothing in names:
            return tuple(of_classes)
        return (*of_classes, *((number_of(colour), UNLABELED) for name, colour in self.colours if name == nothing))


def _several(values: int | tuple[int, ...]) -> tuple[int, ...]:
    return values if isinstance(values, tuple) else (values,)


def _require_values(name: str, values: int | tuple[int, ...] | None) -> None:
    if strange := [value for value in _several(0 if values is None else values) if not LEAST <= value <= MOST]:
        raise DataInvalid(f"{name} = {strange[0]}", expected=f"a value of label maps, {LEAST} to {MOST}")


def _require_within(path: str) -> None:
    """Raise unless a path leads nowhere else: dataset.toml may have come with the data of others."""
    if not path or leads_elsewhere(path):
        expected = "the path of a file or folder inside the data folder, with / between folders"
        raise DataInvalid(f"annotations = {path!r}", expected=expected, fix="move or link it into the data folder")


def read_declaration(path: Path) -> Declaration:
    """The declaration in a folder's `dataset.toml`.

    The defaults if there is no such file.

    Raises:
        DataInvalid: it is not TOML, or a key is unknown or has a value of the wrong type; all problems at once.
    """
    path = path / "dataset.toml"
    if not os.path.lexists(path):
        return Declaration()
    try:
        said = tomllib.loads(normalize("NFC", read_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise DataInvalid(f"{path} is not TOML: {error}") from error
    except RecursionError as error:
        raise DataInvalid(f"{path} has brackets nested hundreds deep", expected="lists of names") from error
    values, problems = {}, []
    for name, value in said.items():
        try:
            if is_of_label_maps(name) and isinstance(value, dict):
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


def _folder_declaration(folder: str, table: dict[str, Any]) -> FolderDeclaration:
    """The declaration in the table of one label folder."""
    nothing = key_of_nothing(folder)
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
    kind = KINDS.get(name) or KINDS_OF_DEFAULTS[type(getattr(Declaration, name))]
    if not kind.fits(value):
        raise DataInvalid(f"{name} = {value!r}", expected=kind.expected)
    return kind.read(value)


def one_of(known: Collection[str]) -> str:
    """The known names in words, or the first of very many."""
    return f"one of {', '.join(list(known)[:_TOLD])}" + f" and {len(known) - _TOLD:,} more" * (len(known) > _TOLD)


def suggestion(name: str, known: Collection[str]) -> str:
    """Advice with the known names closest to a wrong one.

    Empty if no name is close.
    """
    if len(known) > _TOLD:
        # Comparing with thousands of names would take a second for every row of a table.
        known = [other for other in known if other.casefold() == name.casefold()]
    return " or ".join(f"write '{close}'" for close in get_close_matches(name, known, n=2))
