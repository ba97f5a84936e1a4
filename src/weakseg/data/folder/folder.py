"""Data folders: images and labels in files.

The layout is images/, masks/, scribbles/, splits/, classes.txt, dataset.toml and four tables.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int

from weakseg.data.folder.annotated import with_marks
from weakseg.data.folder.contents import Contents, read_contents, read_split
from weakseg.data.folder.declaration import Declaration, read_declaration
from weakseg.data.folder.legend import Legend
from weakseg.data.folder.outside import require_inside
from weakseg.data.folder.tables import READERS
from weakseg.data.images.image_file import Decoded, decode, read_image, size_of
from weakseg.data.images.label_file import read_values_or_colours
from weakseg.data.images.stored import Reading
from weakseg.data.name_pattern import found_in
from weakseg.data.relabel import marked_classes
from weakseg.data.sample import Dataset, Sample
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.files.paths import absolute
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD, Classes


@dataclass(frozen=True)
class Folder:
    """The samples of one split of a data folder.

    Nothing is read before it is needed: `keys` and `len` list the folder, an index reads one image and its labels.

    Raises:
        DataInvalid: (on access) the folder, a split, a table or a file is missing, damaged or contradicts another;
            all problems of the folder at once, all problems of an image at once.
    """

    path: str
    """Path of the folder, or its name in the folder of the environment variable WEAKSEG_DATA."""
    split: str = "train"
    """Name of a file in splits/ without .txt; "all" is every image, unless splits/all.txt says otherwise."""
    labels: tuple[str, ...] | None = None
    """Labels used for training, besides the masks of fully labelled images: names of label folders and tables in
    the folder, "annotations" for those of `dataset.toml`, or paths of others. "masks" is full supervision; `None` is
    annotations, scribbles/ and the four tables."""
    declaration: Declaration | None = None
    """Declaration to use; `None`: dataset.toml."""

    def __post_init__(self):
        if isinstance(self.labels, str):
            raise DataInvalid(f"labels = '{self.labels}'", expected=f"a tuple, with its comma: ('{self.labels}',)")

    def located(self) -> "Folder":
        """The same data set by absolute paths."""
        labels = self.labels and tuple(
            name if os.path.lexists(Path(self.path).expanduser() / name) else absolute(name) for name in self.labels
        )
        return replace(self, path=absolute(self.path), labels=labels)

    @cached_property
    def root(self) -> Path:
        """Path of the folder."""
        return find(self.path)

    @property
    def classes(self) -> Classes:
        """The classes, after merging."""
        return self._contents.legend.classes

    @property
    def numbers(self) -> tuple[int, ...]:
        """The value of each class in label maps."""
        return self._contents.legend.numbers

    @property
    def void(self) -> int:
        """The value of void in masks that are written."""
        return self._contents.legend.convention("masks").void

    @property
    def declared(self) -> Declaration:
        """The declaration in use, from here or dataset.toml."""
        return self._contents.legend.declaration

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables among the labels, and of those that annotation files fill."""
        names = [name for name in READERS if (self.root / name).is_file()]
        if self.labels is not None:
            names = [Path(name).name for name in self.labels]
        annotated = self._contents.annotated
        return tuple(dict.fromkeys((*names, *(() if annotated is None else annotated.tables))))

    @property
    def keys(self) -> tuple[str, ...]:
        """Image names without extension, in the order of the split."""
        return self._listing[1]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Sample:
        sample = read_sample(self._contents, self.keys[index])
        if len(sample.image) != self._channels:
            first, this = (self._contents.images[key] for key in (self.keys[0], sample.key))
            raise channels_differ(this, len(sample.image), f"{first} has", self._channels)
        require_inside(self._contents, {sample.key: sample.valid.shape})
        return sample

    def require_inside(self, keys: Collection[str]) -> None:
        """Raise `DataInvalid` unless boxes and clicks lie on these images.

        Of most files only the header is read.
        """
        contents, reading = self._contents, self.declared.reading
        tabled = [key for key in keys if key in contents.boxes or key in contents.clicks]
        require_inside(contents, {key: size_of(contents.images[key], reading) for key in tabled})

    @property
    def _contents(self) -> Contents:
        return self._listing[0]

    @cached_property
    def _listing(self) -> tuple[Contents, tuple[str, ...]]:
        declaration = read_declaration(self.root) if self.declaration is None else self.declaration
        contents, problems = read_contents(self.root, self.labels, declaration)
        keys, wrong = read_split(self.root, self.split, contents.images)
        if problems or wrong:
            raise DataInvalid.of([*problems, *wrong])
        return contents, keys

    @cached_property
    def _channels(self) -> int:
        return len(read_image(self._contents.images[self.keys[0]], self.declared.reading))


def folder_of(samples: Dataset) -> Folder | None:
    """The data folder that a data set derives from.

    It may be a part or a relabelling of it; `None` if there is none.
    """
    while not isinstance(samples, Folder) and isinstance(getattr(samples, "samples", None), Dataset):
        samples = samples.samples  # pyright: ignore[reportAttributeAccessIssue]
    return samples if isinstance(samples, Folder) else None


def find(name: str) -> Path:
    """The path of a data folder.

    It is given by path, or by its name in the folder of the environment variable WEAKSEG_DATA.

    Raises:
        DataInvalid: there is no such folder.
    """
    shelf = os.environ.get("WEAKSEG_DATA")
    places = [Path(name).expanduser(), *([Path(shelf) / name] if shelf else [])]
    for place in places:
        if place.is_dir():
            return place
    tried = " and ".join(dict.fromkeys(str(place.resolve()) for place in places))
    tried += "" if shelf else " and $WEAKSEG_DATA, which is not set"
    raise DataInvalid(
        f"no data folder '{name}' (tried {tried})",
        fix="give a path, or set WEAKSEG_DATA; relative paths start at the current folder",
    )


def channels_differ(path: Path, channels: int, others: str, theirs: int) -> DataInvalid:
    """The error for an image with another number of channels."""
    found = f"{path} has {channels} channels, but {others} {theirs}"
    return DataInvalid(found, expected="the same number in all images", fix="convert them all to grey or to RGB")


def read_sample(contents: Contents, key: str) -> Sample:
    """One image with all its labels.

    Raises:
        DataInvalid: its files are damaged, differ in size or hold undeclared values; all problems at once.
    """
    read, truth, drawn = _read_files(contents, key)
    said = sample_of_tables(contents, key, read, truth)
    full = truth is not None and key in contents.fully_labelled
    marks = None if contents.annotated is None else contents.annotated.labels(key)
    seeds = said.seeds
    if marks is not None:
        said, drawn = with_marks(said, marks), [marks.seeds, *drawn]
    # Later sources lie on top: scribbles correct a mask, and the folder's own maps the marks of annotation files.
    for layer in [truth, *drawn] if full else drawn:
        seeds = np.where((layer != UNLABELED) & said.valid, layer, seeds)
    marked = marked_classes(seeds, said.strokes, said.boxes, len(said.tags))
    known = full or (key in contents.everything_drawn and bool(marked.any()))
    # Absence is only concluded where the folder says that everything is drawn; elsewhere a class without a mark is
    # unknown.
    untold = np.where(marked, PRESENT, ABSENT if known else UNTOLD)
    return replace(said, seeds=seeds, tags=np.where(said.tags == UNTOLD, untold, said.tags), held=read.held)


def sample_of_tables(contents: Contents, key: str, read: Decoded, truth: Int[np.ndarray, "H W"] | None) -> Sample:
    """An image with the labels of tables alone."""
    valid = np.ones(read.image.shape[1:], bool) if truth is None else truth != UNLABELED
    # Pixels without data have no truth either, whatever the mask holds there.
    if read.empty is not None:
        valid &= ~read.empty
        truth = None if truth is None else np.where(valid, truth, UNLABELED)
    n_classes, volume = len(contents.legend.classes), contents.legend.declaration.volume
    found = found_in(volume, key) if volume else None
    return Sample(
        key=key,
        image=read.image,
        seeds=np.full(valid.shape, UNLABELED),
        valid=valid,
        strokes=contents.clicks.get(key, ()),
        tags=contents.tags.get(key, np.full(n_classes, UNTOLD)),
        areas=contents.areas.get(key, np.repeat([[0.0, 1.0]], n_classes, axis=0)),
        boxes=contents.boxes.get(key, np.zeros((0, 5))),
        truth=truth,
        volume=key if found is None else found,
    )


def _read_files(
    contents: Contents, key: str
) -> tuple[Decoded, Int[np.ndarray, "H W"] | None, list[Int[np.ndarray, "H W"]]]:
    """An image, its mask if any, and its label maps.

    Maps contain class indices.
    """
    problems: list[WeaksegError] = []

    # Errors are collected, so that one run of the command names all of them.
    def collected(read, *arguments):
        try:
            return read(*arguments)
        except DataInvalid as problem:
            problems.append(problem)

    read = collected(decode, contents.images[key], contents.legend.declaration.reading)
    size = None if read is None else read.image.shape[1:]
    mask = contents.masks.get(key)
    truth = None if mask is None else collected(_read_map, mask, contents.legend, "masks", size)
    files = [(maps[key], name) for maps, name in zip(contents.drawn, contents.folders, strict=True) if key in maps]
    drawn = [collected(_read_map, file, contents.legend, name, size) for file, name in files]
    if problems:
        raise DataInvalid.of(problems)
    return read, truth, drawn  # pyright: ignore


def _read_map(path: Path, legend: Legend, folder: str, size: tuple[int, int] | None) -> Int[np.ndarray, "H W"]:
    """The class indices of a label map.

    It must have the (height, width) of its image.
    """
    raw = read_values(path, legend, folder, size)
    try:
        return legend.labels(raw, folder)
    except DataInvalid as problem:
        raise problem.at(path) from problem


def read_values(path: Path, legend: Legend, folder: str, size: tuple[int, int] | None = None) -> Int[np.ndarray, "H W"]:
    """The values or colour numbers of a label map.

    It must have the (height, width) of its image.
    """
    reading = legend.declaration.reading

    def fits(height: int, width: int) -> None:
        # Rotation only exchanges the sides, so other sides can be refused before decoding.
        if size is not None and {height, width} != {*size}:
            raise _other_size(path, (height, width), size, reading)

    raw = read_values_or_colours(path, bool(legend.convention(folder).colours), reading, fits)
    if size is not None and raw.shape != size:
        raise _other_size(path, raw.shape, size, reading)
    return raw


def _other_size(path: Path, shape: tuple[int, ...], size: tuple[int, int], reading: Reading) -> DataInvalid:
    """The error for a map whose size is not its image's."""
    found = f"{path} is {shape[1]} wide and {shape[0]} high"
    how = "after its EXIF rotation" if reading.upright else "as it is stored"
    expected = f"the size of its image, {size[1]} wide and {size[0]} high ({how})"
    return DataInvalid(found, expected=expected, fix=_size_mend(shape, size, reading))


def _size_mend(shape: tuple[int, ...], size: tuple[int, int], reading: Reading) -> str:
    """Advice on a map whose size is not its image's."""
    if shape == size[::-1] and not reading.upright:
        return (
            "do not resize it: its height and width are exchanged. If labels were drawn on photos as shown by"
            " viewers, remove `exif` from dataset.toml; otherwise rotate or transpose it to match the image"
        )
    if shape == size[::-1]:
        return (
            "do not resize it: its height and width are exchanged. If all labels ignore the EXIF orientation of the"
            ' photos, write `exif = "ignore"` at the top of dataset.toml, and images are read as'
            " stored; if only some of them do, rotate the map like the photo:"
            " `PIL.Image.open(map).transpose(turn).save(map)` with turn ="
            " PIL.Image.Transpose.ROTATE_270 for orientation 6, ROTATE_90 for 8, TRANSPOSE for 5, TRANSVERSE for 7"
            " (`PIL.Image.open(photo).getexif().get(274)`); otherwise rotate or transpose it to match the image"
        )
    (height, width), (rows, columns) = shape, size
    # Another shape than a rescaled image has: the map was cropped, and resizing would misplace every label.
    if abs(height * columns - width * rows) > max(rows, columns, height, width):
        return "export it again at the image's size: it was cropped or padded, so do not resize it"
    return "resize the label map without interpolation, or draw it again"
