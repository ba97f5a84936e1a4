"""Annotation files that a data folder reads in place."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from weakseg.annotations.account import classes_of, names_of
from weakseg.annotations.matched import Matched, matched
from weakseg.data.folder.declaration import Declaration, one_of
from weakseg.data.folder.legend import Legend, read_legend
from weakseg.data.folder.tables import Problems, merged_tags
from weakseg.data.images.stored import Reading
from weakseg.data.sample import Sample, Stroke
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.marks.labels import labels_of
from weakseg.marks.uses import NO_CLASS, Uses
from weakseg.types import UNLABELED, UNTOLD

SOURCE = "annotations"
"""Name of the annotation files among the labels of a folder."""


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of one image that its marks give, in the merged classes."""

    seeds: Int[np.ndarray, "H W"]
    clicks: tuple[Stroke, ...]
    boxes: Float[np.ndarray, "N 5"]
    tags: Int[np.ndarray, " C"]
    became: tuple[str, ...]
    """What each mark became, in their order."""
    problems: tuple[WeaksegError, ...]
    """What is wrong with single marks."""


@dataclass(frozen=True)
class Annotated:
    """What annotation files hold of the images of a data folder."""

    place: Path
    """The first file, for messages."""
    found: Matched
    legend: Legend

    @cached_property
    def unknown(self) -> dict[str, int]:
        """How often each name occurs that means no class."""
        known = {*self.legend.declared, *map(str, range(len(self.legend.declared)))}
        uses = self.legend.declaration.uses
        return {name: n for name, n in names_of(self.found).items() if uses.class_of(name) not in (None, *known)}

    @cached_property
    def uses(self) -> Uses:
        """What marks become; those of unknown classes become nothing, because they are reported as a whole."""
        declared = self.legend.declaration.uses
        return replace(declared, names=(*declared.names, *((name, NO_CLASS) for name in self.unknown)))

    def index(self, name: str) -> int | None:
        """The merged class that a name in the files means; `None` if it means none."""
        label = self.uses.class_of(name)
        return None if label is None else self.legend.becomes[self.legend.index(label)]

    def labels(self, key: str) -> Labels | None:
        """The labels of an image; `None` if the files say nothing of it."""
        if key not in self.found.images:
            return None
        legend, n_classes = self.legend, len(self.legend.declared)
        own = labels_of(self.found.images[key], self.found.sizes[key], n_classes, legend.index, self.uses)
        # The last entry is for unlabelled pixels, which are -1.
        becomes = np.array([*legend.becomes, UNLABELED])
        boxes = np.array(own.boxes, float).reshape(-1, 5)
        boxes[:, 0] = becomes[boxes[:, 0].astype(int)]
        return Labels(
            seeds=becomes[own.seeds],
            clicks=tuple(replace(click, label=int(becomes[click.label])) for click in own.clicks),
            boxes=boxes,
            tags=merged_tags(own.tags, legend),
            became=tuple(own.became),
            problems=tuple(own.problems),
        )

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """The tables that an import would fill: boxes and tags ask for constraints."""
        told: dict[str, Callable[[Labels], bool]] = {
            "tags.csv": lambda labels: bool((labels.tags != UNTOLD).any()),
            "boxes.csv": lambda labels: len(labels.boxes) > 0,
        }
        uses, found = self.uses, []
        for key, image in self.found.images.items():
            becomes = {uses.use_of(mark.label, mark.kind) for mark in image.marks}
            # Boxes may become tags, which only the whole image tells.
            if not (becomes & {"box", "tag"} or image.present or image.absent):
                continue
            labels = self.labels(key)
            found += [name for name, tells in told.items() if name not in found and labels and tells(labels)]
            if len(found) == len(told):
                break
        return tuple(found)


def with_marks(said: Sample, marks: Labels) -> Sample:
    """The sample with the clicks, boxes and tags of its marks.

    Raises:
        DataInvalid: the image has another size than when its marks were read.
    """
    if marks.seeds.shape != said.valid.shape:
        fix = "start again"
        raise DataInvalid(f"the image of {said.key} was replaced by one of another size meanwhile", fix=fix)
    return replace(
        said,
        strokes=(*said.strokes, *marks.clicks),
        boxes=np.concatenate([said.boxes, marks.boxes]),
        # The table takes precedence: it was written for this folder.
        tags=np.where(said.tags == UNTOLD, marks.tags, said.tags),
    )


def read_annotated(
    root: Path, declaration: Declaration, images: Mapping[str, Path], problems: Problems, wanted: bool = True
) -> tuple[Legend, Annotated | None]:
    """The legend of a folder, and its annotation files if it declares any and they are wanted.

    Where neither classes.txt nor dataset.toml has classes, they are those of the annotation files.

    Args:
        root: the folder.
        declaration: its declaration.
        images: path of each image, by key.
        problems: what is wrong with the annotation files is added here.
        wanted: whether their marks are; without them they are read only where the classes are not declared.

    Raises:
        DataInvalid: there is no legend.
    """
    own = bool(declaration.classes) or os.path.lexists(root / "classes.txt")
    found = _found(root, declaration, images, problems) if wanted or not own else None
    if declaration.annotations and not own:
        if found is None:
            raise DataInvalid.of(problems)
        declaration = replace(declaration, classes=classes_of(found, declaration.uses))
        if not declaration.classes:
            raise _nothing_drawn(root)
    try:
        legend = read_legend(root, declaration)
    except DataInvalid as error:
        raise DataInvalid.of([*problems, error]) from error
    if found is None or not wanted:
        return legend, None
    annotated = Annotated(root / declaration.annotations[0], found, legend)
    problems += [*_undeclared(root, legend, own), *_unknown(root, annotated)]
    return legend, annotated


def _found(root: Path, declaration: Declaration, images: Mapping[str, Path], problems: Problems) -> Matched | None:
    """The marks of the images, if the files can be read."""
    if not declaration.annotations:
        return None
    paths = tuple(root / path for path in declaration.annotations)
    try:
        # Of the images too: the size of a replaced image decides where fractions lie.
        stamps = tuple(map(_stamp, (*_files(paths), *images.values())))
        return _read_once(paths, tuple(images.items()), declaration.reading, stamps)
    except DataInvalid as error:
        problems += error.problems or (error,)
        return None


# A training makes its folder anew several times, and large exports take seconds to read.
@lru_cache(maxsize=2)
def _read_once(
    paths: tuple[Path, ...], images: tuple[tuple[str, Path], ...], reading: Reading, stamps: tuple[tuple[int, int], ...]
) -> Matched:
    """The marks of the images; `stamps` tell whether a file has changed since."""
    return matched(paths, dict(images), reading)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield path
        if path.is_dir():
            yield from sorted(path.rglob("*"))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def _nothing_drawn(root: Path) -> DataInvalid:
    found = f"{root / 'dataset.toml'}: no mark or tag of its `annotations` belongs to any image"
    return DataInvalid(
        found, expected="marks from which the classes follow", fix="annotate an image, or write classes.txt"
    )


def _undeclared(root: Path, legend: Legend, own: bool) -> Problems:
    """An error for each class below [marks] and [names] that does not exist."""
    said = legend.declaration
    meant = [("marks", label) for label, _, _ in said.marks if label]
    # Classes that follow from the marks are there only if something is drawn as them.
    meant += [("names", label) for _, label in said.names if own and label != NO_CLASS]
    wrong: Problems = []
    for table, label in dict.fromkeys(meant):
        try:
            legend.index(label)
        except DataInvalid as problem:
            wrong.append(problem.at(f"{root / 'dataset.toml'}, [{table}]"))
    return wrong


def _unknown(root: Path, annotated: Annotated) -> Problems:
    """An error for each name in the files that means no class."""
    legend, wrong = annotated.legend, []
    for name, count in annotated.unknown.items():
        found = f"{annotated.place}: {count:,} mark{'s' * (count > 1)} and tags of '{name}', which is no class"
        lines = f'`"{name}" = "ignore"` or = a class of it below `[names]` in dataset.toml'
        fix = f"add it to {'`classes`' if legend.declaration.classes else root / 'classes.txt'}, or write {lines}"
        wrong.append(DataInvalid(found, expected=one_of(legend.declared), fix=fix))
    return wrong


def legend_of(root: Path, declaration: Declaration, images: Mapping[str, Path]) -> Legend:
    """The legend of a folder, whether its classes are declared or those of its annotation files.

    Raises:
        DataInvalid: there is none, or annotation files cannot be read.
    """
    problems: Problems = []
    legend, _ = read_annotated(root, declaration, images, problems, wanted=False)
    if problems:
        raise DataInvalid.of(problems)
    return legend
