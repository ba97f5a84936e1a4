"""Digests of the images and labels of a data set.

Contents are hashed, not dates: copying or touching a folder changes nothing, whereas replacing labels by others of the
same size does.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from weakseg.data.folder.contents import Contents
from weakseg.data.folder.folder import Folder
from weakseg.data.sample import Dataset, Sample
from weakseg.files.regular_file import open_regular

LOOKED_AT = 200
"""Most samples that are hashed of a data set that is not a folder."""


def digests(samples: Dataset) -> dict[str, str]:
    """A digest of every image with its labels, by key.

    For data folders, also within other sets, the files and the tables' contents are hashed. For other sets the samples
    are, at most `LOOKED_AT` of them, because each has to be computed; the others are represented by their keys alone.
    """
    of_files = {
        key: value for folder in _folders(samples) for key, value in _of_folder(folder, {*samples.keys}).items()
    }
    others = [index for index, key in enumerate(samples.keys) if key not in of_files]
    looked_at = {others[i] for i in np.linspace(0, len(others) - 1, min(len(others), LOOKED_AT)).astype(int)}
    return {
        key: of_files[key] if key in of_files else _of_sample(samples[index]) if index in looked_at else ""
        for index, key in enumerate(samples.keys)
    }


def _folders(value: Any) -> Iterator[Folder]:
    """The data folders in a tree of dataclasses."""
    if isinstance(value, Folder):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _folders(getattr(value, field.name))


def _of_folder(folder: Folder, keys: set[str]) -> dict[str, str]:
    contents = folder._contents
    return {key: _of_files(contents, key) for key in folder.keys if key in keys}


def _of_files(contents: Contents, key: str) -> str:
    said = hashlib.sha256(_told(contents.legend.classes) + _told(contents.legend.declaration))
    maps = [contents.images, contents.masks, *contents.drawn]
    for number, files in enumerate(maps):
        if key in files:
            said.update(f"{number} {_of_file(files[key])}".encode())
    marks = None if contents.annotated is None else contents.annotated.labels(key)
    if marks is not None:
        for array in (marks.seeds.astype(np.int32), marks.boxes, marks.tags):
            said.update(np.ascontiguousarray(array).tobytes() + b";")
        said.update(repr([(each.label, each.points.tolist()) for each in marks.clicks]).encode())
    for table in (contents.tags, contents.areas, contents.boxes):
        if key in table:
            said.update(np.ascontiguousarray(table[key]).tobytes() + b";")
    for stroke in contents.clicks.get(key, ()):
        said.update(f"{stroke.label} {stroke.width_px} {stroke.points.tolist()}".encode())
    said.update(str(key in contents.fully_labelled).encode())
    if key in contents.everything_drawn:
        said.update(b"everything drawn")
    return said.hexdigest()[:16]


def _told(value: Any) -> bytes:
    """The non-default fields of a dataclass.

    Settings that a later version adds thus change no digest.
    """
    return repr(
        [(f.name, getattr(value, f.name)) for f in fields(value) if getattr(value, f.name) != f.default]
    ).encode()


def _of_file(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # pyright: ignore[reportArgumentType]


def _of_sample(sample: Sample) -> str:
    said = hashlib.sha256()
    for array in (sample.image, sample.seeds, sample.valid, sample.tags, sample.areas, sample.boxes, sample.truth):
        if array is not None:
            said.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    for stroke in sample.strokes:
        said.update(f"{stroke.label} {stroke.width_px} {np.asarray(stroke.points).tolist()}".encode())
    return said.hexdigest()[:16]


def changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Images added, removed and changed between two digests, in words."""
    told = {
        "added": [key for key in now if key not in before],
        "removed": [key for key in before if key not in now],
        "changed (the image or a label of it)": [key for key in now if before.get(key, now[key]) != now[key]],
    }
    return [f"{len(keys)} {what}: {_some(keys)}" for what, keys in told.items() if keys]


def _some(keys: Iterable[str]) -> str:
    keys = [*keys]
    return ", ".join(keys[:5]) + (" ..." if len(keys) > 5 else "")
