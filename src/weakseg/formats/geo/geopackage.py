"""GeoPackage: an SQLite file with a table for each layer.

The file is copied into memory and never written to, because SQLite changes the files that it opens.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, noted
from weakseg.formats.geo.features import Feature, Layer, annotations_of
from weakseg.formats.geo.wkb import geometry_of
from weakseg.marks.mark import Annotations, Ignored

_HEAD = b"SQLite format 3\0"
_APPLICATION = slice(68, 72)
_VERSIONS = slice(18, 20)
"""Bytes that say whether the file has a log beside it."""
_ENVELOPES = (0, 4, 6, 6, 8)
"""Numbers of a geometry's envelope, by its kind."""
_STEPS, _STEPS_PER_BYTE = 10_000_000, 10
"""Most steps of SQLite for a file: a crafted one may ask for any number."""
_PER_CHECK = 100_000
_LONGEST_VALUE = 2**28
"""Most bytes of a value."""

# A crafted view or column may compute anything, for any time.
_PLAIN = """
    SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND m.sql NOT LIKE 'create virtual%'
    AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(m.name) c WHERE c.hidden)
"""
"""Tables that hold what they show."""


def _claims(entry: Entry) -> bool:
    if entry.extension != ".gpkg":
        return False
    return entry.content[:16] == _HEAD and entry.content[_APPLICATION][:2] == b"GP"


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    return annotations_of(entries, _layers)


def _layers(entry: Entry, ignored: list[Ignored]) -> Iterator[Layer]:
    with _reported(entry.place), closing(_opened(entry)) as file:
        for table, column, crs in _tables(file, entry, ignored):
            place = f"{entry.place}, layer {table}"
            yield Layer(place, table, crs, list(_features(file, table, column, place, ignored)))


@contextmanager
def _reported(place: str) -> Iterator[None]:
    """Report what SQLite says of a damaged file."""
    try:
        yield
    except (sqlite3.Error, MemoryError, OverflowError, ValueError) as error:
        raise DataInvalid(f"{place} is damaged: {str(error)[:80]}", fix="export it again") from error


def _opened(entry: Entry) -> sqlite3.Connection:
    _require_no_log(entry)
    content = bytearray(entry.content)
    # In memory there is no log.
    content[_VERSIONS] = b"\1\1"
    connection = sqlite3.connect(":memory:")
    connection.deserialize(bytes(content))
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    left = [(_STEPS + _STEPS_PER_BYTE * len(content)) // _PER_CHECK]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    connection.set_progress_handler(stop, _PER_CHECK)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _require_no_log(entry: Entry) -> None:
    """Refuse a file whose last changes lie in a log beside it, as while QGIS has it open."""
    log = b""
    with suppress(DataInvalid):
        log = entry.beside(f"{entry.name.rpartition('/')[2]}-wal").content
    if log:
        fix = "close the program that has the file open, and try again"
        raise DataInvalid(f"the last changes of {entry.place} are in {entry.place}-wal beside it", fix=fix)


def _tables(file: sqlite3.Connection, entry: Entry, ignored: list[Ignored]) -> list[tuple[str, str, str]]:
    """(table, column of geometries, CRS) of each layer."""
    plain = {name for (name,) in file.execute(_PLAIN)}
    if lost := {"gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys"} - plain:
        raise DataInvalid(f"{entry.place} has no table {sorted(lost)[0]}", fix="export it again")
    rows = file.execute(
        "SELECT c.table_name, c.data_type, g.column_name, s.organization, s.organization_coordsys_id, s.definition"
        " FROM gpkg_contents c LEFT JOIN gpkg_geometry_columns g ON g.table_name = c.table_name"
        " LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id ORDER BY c.table_name"
    ).fetchall()
    layers = []
    for table, kind, column, *crs in rows:
        place = f"{entry.place}, layer {table}"
        if kind != "features":
            ignored.append(Ignored(place, str(kind)[:40], "a layer of this kind holds no marks"))
        elif table not in plain or not isinstance(column, str):
            ignored.append(Ignored(place, "layer", "it is computed, or has no geometries; save it as a layer"))
        else:
            layers.append((table, column, _crs(place, *crs)))
    return layers


def _crs(place: str, organization: Any, code: Any, definition: Any) -> str:
    """The CRS of a layer, by its number or else by its definition."""
    if str(organization).upper() in ("EPSG", "ESRI") and isinstance(code, int):
        return f"{organization}:{code}"
    if str(organization).upper() == "NONE" or not definition:
        found = f"{place} states no coordinate reference system (CRS)"
        raise DataInvalid(found, fix="set the CRS of the layer, in QGIS by a right click on it")
    return str(definition)


def _features(
    file: sqlite3.Connection, table: str, column: str, place: str, ignored: list[Ignored]
) -> Iterator[Feature]:
    rows = file.execute(f"SELECT * FROM {_quoted(table)}")
    names = [each[0] for each in rows.description]
    if column not in names:
        raise DataInvalid(f"{place} has no column {column}", fix="export it again")
    for number, row in enumerate(rows, start=1):
        said = dict(zip(names, row, strict=True))
        own = f"{place}, feature {number}"
        with noted(ignored, own, "feature"):
            blob = said.pop(column)
            yield Feature(None if blob is None else _geometry(blob), said, own)


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _geometry(blob: Any) -> dict[str, Any]:
    """The geometry behind GeoPackage's own head."""
    if not isinstance(blob, bytes) or blob[:2] != b"GP" or len(blob) < 8:
        raise DataInvalid("its geometry is damaged")
    flags = blob[3]
    if flags & 0b10000:
        raise DataInvalid("it has an empty geometry")
    kind = flags >> 1 & 0b111
    if kind >= len(_ENVELOPES) or flags & 0b100000:
        raise DataInvalid("its geometry is of an extension of GeoPackage")
    return geometry_of(blob[8 + 8 * _ENVELOPES[kind] :])


GEOPACKAGE = Format("GeoPackage", _claims, _read)
