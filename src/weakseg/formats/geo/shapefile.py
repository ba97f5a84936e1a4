"""Shapefiles: geometries in .shp, attributes in .dbf, the CRS in .prj."""

import codecs
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from itertools import pairwise, repeat
from typing import Any

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.extras import needed
from weakseg.formats.format import Format, Sizes, noted
from weakseg.formats.geo.features import Feature, Layer, annotations_of
from weakseg.marks.mark import Annotations, Ignored

_HEAD = b"\x00\x00\x27\x0a"
_BESIDE = (".dbf", ".prj", ".cpg")
_INDEXES = (".shx", ".sbn", ".sbx", ".qix", ".qmd", ".shp.xml")
"""Files beside it that hold nothing more."""

_POINT, _LINE, _POLYGON, _POINTS = 1, 3, 5, 8
_KINDS = {_POINT: "Point", _LINE: "MultiLineString", _POLYGON: "Polygon", _POINTS: "MultiPoint"}
"""Kinds of shapes; those with z or m are larger by 10 and 20."""

# weakseg's own messages report what the library logs about damaged files.
logging.getLogger("shapefile").addHandler(logging.NullHandler())


def _claims(entry: Entry) -> bool:
    return entry.extension == ".shp" and entry.content[:4] == _HEAD


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    read = annotations_of(entries, _layers)
    return replace(read, used=tuple(name for entry in entries for name in _parts(entry)))


def _layers(entry: Entry, ignored: list[Ignored]) -> Iterator[Layer]:
    yield Layer(entry.place, entry.stem, _crs(entry), list(_features(entry, ignored)))


def _parts(entry: Entry) -> Iterator[str]:
    """The other files of a shapefile."""
    own = entry.name.removesuffix(entry.extension).removesuffix(entry.extension.upper())
    parts = {f"{own}{extension}".lower() for extension in (*_BESIDE, *_INDEXES)}
    yield from (name for name in entry.tree.names if name.lower() in parts)


def _beside(entry: Entry, extension: str) -> bytes | None:
    """The file of that extension beside a .shp; `None` if there is none."""
    for each in (extension, extension.upper()):
        with suppress(DataInvalid):
            return entry.beside(entry.stem + each).content
    return None


def _crs(entry: Entry) -> str:
    text = (_beside(entry, ".prj") or b"").decode("utf-8", "replace").strip().removeprefix("\ufeff")
    if not text:
        raise DataInvalid(
            f"{entry.place} states no coordinate reference system (CRS): {entry.stem}.prj is missing",
            fix=f"write the CRS that it was drawn in, such as EPSG:32633, into {entry.stem}.prj beside it",
        )
    return text


def _features(entry: Entry, ignored: list[Ignored]) -> Iterator[Feature]:
    library = needed("shapefile", "geo", f"{entry.place}, a shapefile,")
    table, encoding = _beside(entry, ".dbf"), _encoding(entry)
    files = {"shp": BytesIO(entry.content)} | ({} if table is None else {"dbf": BytesIO(table)})
    # It warns of lengths that do not fit, which only matters if something cannot be read.
    with (
        warnings.catch_warnings(action="ignore"),
        _reported(entry.place),
        library.Reader(**files, encoding=encoding) as reader,
    ):
        shapes = reader.iterShapes()
        records = repeat(None) if table is None else reader.iterRecords()
        for number, (shape, record) in enumerate(zip(shapes, records, strict=False), start=1):
            place = f"{entry.place}, feature {number}"
            with noted(ignored, place, "feature"):
                yield Feature(_geometry(shape), {} if record is None else record.as_dict(), place)
        if table is not None and len(reader.shp_reader.headers_cache) != reader.numRecords:
            raise DataInvalid(
                f"it has {len(reader.shp_reader.headers_cache)} shapes and {reader.numRecords} attributes"
            )


@contextmanager
def _reported(place: str) -> Iterator[None]:
    """Report what pyshp raises for a damaged file."""
    try:
        yield
    except DataInvalid:
        raise
    except Exception as error:  # damaged files make pyshp raise ShapefileException, struct.error, ValueError ...
        if "decode" in str(error):
            found = f"{place} has attributes in another encoding than it states"
            fix = "write the encoding, such as CP1252, into a file .cpg beside it"
            raise DataInvalid(found, fix=fix) from error
        raise DataInvalid(f"{place} is damaged: {str(error)[:80]}", fix="export it again") from error


def _encoding(entry: Entry) -> str:
    """The encoding of the attributes: what .cpg states, as "UTF-8" or a code page as "1252"; else UTF-8."""
    said = (_beside(entry, ".cpg") or b"").decode("ascii", "replace").strip()
    said = f"cp{said}" if said.isdigit() else said.replace("ANSI ", "cp")
    with suppress(LookupError):
        return codecs.lookup(said).name
    return "utf-8"


def _geometry(shape: Any) -> dict[str, Any] | None:
    """The geometry; rings of a polygon are told apart by nothing but what lies in what."""
    kind = shape.shapeType % 10
    if shape.shapeType == 0 or not shape.points:
        return None
    if shape.shapeType >= 30 or kind not in _KINDS:
        raise DataInvalid(f"the kind {shape.shapeTypeName} has no area on the ground")
    points = [[float(number) for number in point[:2]] for point in shape.points]
    if kind == _POINT:
        return {"type": "Point", "coordinates": points[0]}
    if kind == _POINTS:
        return {"type": "MultiPoint", "coordinates": points}
    starts = list(shape.parts)
    parts = [points[start:stop] for start, stop in pairwise([*starts, len(points)])]
    return {"type": _KINDS[kind], "coordinates": parts}


SHAPEFILE = Format("Shapefile", _claims, _read)
