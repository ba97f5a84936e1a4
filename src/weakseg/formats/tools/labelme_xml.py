"""The LabelMe of MIT: one XML file an image.

Masks are images in a folder beside it, painted from scribbles that are stored as well.
"""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from weakseg.errors import DataInvalid
from weakseg.formats.codes import Bitmap
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Mask, Polygon, box_of, from_xy

_SIGNS = ("imagesize", "object/polygon/pt", "object/segm", "source/sourceAnnotation")


def _claims(entry: Entry) -> bool:
    root = entry.root("annotation")
    return root is not None and any(root.find(sign) is not None for sign in _SIGNS)


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images, used = [], list[str]()
    for entry in entries:
        with noted(ignored, entry.place, "file"):
            images.append(_image(entry, ignored, used))
    return Annotations(tuple(images), ignored=tuple(ignored), used=tuple(used))


def _image(entry: Entry, ignored: list[Ignored], used: list[str]) -> ImageMarks:
    root = entry.xml
    assert root is not None
    marks: list[Mark] = []
    for number, one in enumerate(root.iterfind("object"), start=1):
        place = f"{entry.place}, object {number}"
        with noted(ignored, place, "segm" if one.find("segm") is not None else "polygon"):
            if _text(one, "deleted") == "1":
                raise DataInvalid("the annotator deleted it")
            marks += _marks(one, entry, place, ignored, used)
    height, width = _text(root, "imagesize/nrows"), _text(root, "imagesize/ncols")
    name = "/".join(filter(None, (_text(root, "folder"), _text(root, "filename"))))
    if not _text(root, "filename"):
        raise DataInvalid("it names no image")
    return ImageMarks(name, (int(height), int(width)) if height and width else None, tuple(marks))


def _text(element: Element, path: str) -> str:
    # The program puts line breaks around names and numbers.
    return " ".join((element.findtext(path) or "").split())


def _marks(one: Element, entry: Entry, place: str, ignored: list[Ignored], used: list[str]) -> Iterator[Mark]:
    label = _text(one, "name")
    for polygon in one.iterfind("polygon"):
        points = from_xy((_text(point, "x"), _text(point, "y")) for point in polygon.iterfind("pt"))
        is_box = _text(one, "type") == "bounding_box"
        yield Mark(label, box_of(points) if is_box else Polygon(((points,),)), source=place)
    for segment in one.iterfind("segm"):
        if scribbles := _text(segment, "scribbles/scribble_name"):
            ignored.append(Ignored(place, "scribbles", "the mask that was made of them is read"))
            used.append(f"{entry.folder}Scribbles/{scribbles}")
        mask = entry.beside(f"Masks/{_text(segment, 'mask')}")
        used.append(mask.name)
        # The program paints with an opacity of 153, and smooths edges.
        code = Bitmap(mask.content, threshold=77)
        yield Mark(label, Mask(0, 0, *code.size(), code), source=place)
    if one.find("polygon") is None and one.find("segm") is None:
        raise DataInvalid("it has no shape")


LABELME_XML = Format("LabelMe of MIT", _claims, _read)
