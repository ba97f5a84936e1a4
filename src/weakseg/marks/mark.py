"""Marks: what annotators drew on an image, and what they said of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from weakseg.arrays.short_repr import brief
from weakseg.errors import DataInvalid
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon, Shape

LONGEST_NAME = 200
"""Most letters of a class name."""


@dataclass(frozen=True)
class Mark:
    """One shape that an annotator drew, with its class.

    Raises:
        DataInvalid: the name of the class is empty, too long, or holds a line break.
    """

    label: str
    """Name of the class, as in the file."""
    shape: Shape
    width_px: float | int | None = None
    """Width of the pen in pixels, for lines; `None` if the file does not state it."""
    source: str = ""
    """Place in the file, for messages."""

    __repr__ = brief

    def __post_init__(self):
        require_name(self.label)

    @property
    def kind(self) -> str:
        """Name of the kind of shape, one of `KINDS`."""
        return kind_of(self.shape)


@dataclass(frozen=True)
class ImageMarks:
    """All that a file holds about one image."""

    name: str
    """Name or path of the image, as in the file."""
    size: tuple[int, int] | None = None
    """(height, width) that the file states, as viewers show the image; `None` if it does not."""
    marks: tuple[Mark, ...] = ()
    """In the order of drawing: later ones cover earlier ones."""
    present: tuple[str, ...] = ()
    """Classes tagged as present."""
    absent: tuple[str, ...] = ()
    """Classes tagged as absent."""
    ground: tuple[str, tuple[float, float, float, float, float, float]] | None = None
    """The coordinate reference system and the affine grid of its pixels on the ground, if the file states them."""
    ignores_exif: bool | None = None
    """Whether the marks lie on the image as it is stored, or as its EXIF orientation shows it; `None` if that is not
    known."""

    __repr__ = brief


@dataclass(frozen=True)
class Ignored:
    """Something in a file that became no mark."""

    place: str
    """File and place in it."""
    kind: str
    """Its kind, in the file's own word."""
    reason: str
    """A short reason."""


@dataclass(frozen=True)
class GroundMarks:
    """Marks of a map, which name no image: each belongs to the images that show the ground it lies on."""

    place: str
    """File and layer, for messages."""
    crs: str
    """Coordinate reference system, as WKT or as a name such as EPSG:32633."""
    marks: tuple[Mark, ...]
    """Vertices are (y, x) in units of the CRS, in place of (row, column)."""

    __repr__ = brief


@dataclass(frozen=True)
class Annotations:
    """The contents of annotation files."""

    images: tuple[ImageMarks, ...] = ()
    classes: tuple[str, ...] = ()
    """Classes that the files declare, in their order, whether they were drawn or not."""
    ignored: tuple[Ignored, ...] = ()
    """Everything that became no mark."""
    notes: tuple[str, ...] = ()
    """Sentences on choices that were made while reading, such as between annotators."""
    used: tuple[str, ...] = ()
    """Names of other files that were read along the way."""
    ground: tuple[GroundMarks, ...] = ()
    """Layers of maps."""

    __repr__ = brief

    @classmethod
    def joined(cls, several: Iterable["Annotations"]) -> "Annotations":
        """The contents of several files together."""
        several = tuple(several)

        def all_of(name: str):
            return tuple(each for annotations in several for each in getattr(annotations, name))

        classes = tuple(dict.fromkeys(all_of("classes")))
        notes = tuple(dict.fromkeys(all_of("notes")))
        return cls(all_of("images"), classes, all_of("ignored"), notes, all_of("used"), all_of("ground"))


KINDS = ("point", "line", "polygon", "box", "rotated_box", "ellipse", "mask")
"""Kinds of shapes, by the names that the command line uses."""


def kind_of(shape: Shape) -> str:
    """Name of the kind of a shape, one of `KINDS`."""
    if isinstance(shape, Box):
        return "rotated_box" if shape.degrees % 180 else "box"
    names = {Point: "point", Line: "line", Polygon: "polygon", Ellipse: "ellipse", Mask: "mask"}
    return names[type(shape)]


def require_name(name: str) -> None:
    """Raise unless a class can have this name."""
    # A name goes into tables, lists and pages, where a line break or control character would break the row.
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        shown = repr(name[:30]) + "..." * (len(name) > 30)
        raise DataInvalid(f"the class name {shown}", expected=f"1 to {LONGEST_NAME} letters on one line")
