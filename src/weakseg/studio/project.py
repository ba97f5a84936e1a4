"""A data folder that is open in the studio."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from weakseg.data.folder.contents import label_maps, list_files
from weakseg.data.folder.declaration import Declaration, read_declaration
from weakseg.data.folder.legend import Legend, problem_of_name, read_legend
from weakseg.data.images.image_file import read_image, size_of
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.files.whole_file import write_whole
from weakseg.studio.labels.journal import Journal, lines_of, strangers
from weakseg.studio.labels.label_files import LabelFiles, read_written, unwritable
from weakseg.studio.labels.layers import Layers, applied, replayed, standing
from weakseg.studio.labels.mark import Mark, Polygon, Redo, State, Stroke, Undo, recorded
from weakseg.studio.labels.refusals import Conflict, Refused, TooMuch, Unknown
from weakseg.types import Classes

MOST_CLASSES = 100
"""Most classes that the page makes."""
MOST_PIXELS = 16_000_000
"""Largest image that can be drawn on: there are no tiles yet."""
OPEN = ("drawn", "none", "done", "skipped")
"""States of images, those with something to do first."""
_HELD = 4
"""Images that are kept in memory."""


class Project:
    """Images, classes, journal and label files of a folder.

    One request writes at a time; the new labels can be read while files are still being written. Images are known by
    their number in the list, never by a path.
    """

    def __init__(self, root: Path, tell: Callable[[str], None] = lambda text: None):
        self.root, self.lock, self._writing = root, threading.RLock(), threading.RLock()
        self.declaration = read_declaration(root)
        problems: list[WeaksegError] = []
        self.images = list_files(root / "images", problems, self.declaration.nested)
        if not self.images:
            problems.append(DataInvalid(f"{root / 'images'} holds no images", fix="put images there"))
        if problems:
            raise DataInvalid.of(problems)
        self.keys = tuple(self.images)
        self._numbers = {key: number for number, key in enumerate(self.keys)}
        legend = _legend(root, self.declaration)
        own = root / "studio"
        self.files = LabelFiles(root, legend, self.images, tell, read_written(own))
        lines = lines_of(own / "journal.jsonl")
        strangers(lines, legend.classes.names, self.keys, own / "journal.jsonl")
        self.journal = Journal(own / "journal.jsonl")
        self._layers: dict[str, Layers] = {}
        self._said: dict[str, Layers] = {}
        self._pixels: dict[int, Float[np.ndarray, "M H W"]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._states: dict[str, str] = {}
        maps = self._refuse_unwritable()
        ours = {key for key in maps if f"scribbles/{key}.png" in self.files.written}
        self._labelled = ({*maps} - ours) | self.files.tabled()
        """Images with labels from before the studio."""
        for line in lines:
            key = line["image"]
            self.journal.marks.setdefault(key, []).append(recorded(line["mark"], self.classes.names, self.size(key)))
            self.journal.last = key
        if self.journal.last:
            # A process that was killed may have appended the mark and not written the labels.
            try:
                self._write(self.journal.last, None)
            except Conflict as error:
                tell(f"{error}; the page offers to reload it")

    @property
    def classes(self) -> Classes:
        """The classes; none in a folder of bare images at first."""
        return self.files.legend.classes

    def index(self) -> dict[str, int]:
        """The index of each class."""
        return {name: number for number, name in enumerate(self.classes.names)}

    def key(self, image: int) -> str:
        """The key of an image's number."""
        if not 0 <= image < len(self.keys):
            raise Unknown(f"no image {image}", expected=f"0 to {len(self.keys) - 1}")
        return self.keys[image]

    def size(self, key: str) -> tuple[int, int]:
        """Height and width of an image."""
        if key not in self._sizes:
            height, width = size_of(self.images[key], self.declaration.reading)
            if height * width > MOST_PIXELS:
                found = f"{key} has {height * width:,} pixels"
                raise TooMuch(found, expected=f"at most {MOST_PIXELS:,}", fix="cut it into parts")
            self._sizes[key] = height, width
        return self._sizes[key]

    def pixels(self, image: int) -> Float[np.ndarray, "M H W"]:
        """The values of an image in [0, 1]."""
        key = self.key(image)
        self.size(key)
        with self.lock:
            if image not in self._pixels:
                while len(self._pixels) >= _HELD:
                    self._pixels.pop(next(iter(self._pixels)))
                self._pixels[image] = read_image(self.images[key], self.declaration.reading)
            return self._pixels[image]

    def read(self, image: int) -> Float[np.ndarray, "M H W"]:
        """The values of an image, which are not kept."""
        key = self.key(image)
        self.size(key)
        return read_image(self.images[key], self.declaration.reading)

    def state_of(self, image: int) -> str:
        """The state of an image, one of `OPEN`."""
        with self.lock:
            return self._state_of(self.key(image))

    def state(self, image: int) -> tuple[int, Layers]:
        """The revision of an image, and its labels."""
        with self.lock:
            key = self.key(image)
            return self.journal.revision(key), self._labels(key)

    def add(
        self, image: int, revision: int, mark: Mark, then: Callable[[int, int], None] = lambda image, revision: None
    ) -> None:
        """Append a mark, and write the labels that it changes.

        Args:
            image: the image's number.
            revision: the revision that the mark was drawn on.
            mark: the mark.
            then: told the image and its new revision once the mark is in the journal, before label files are written.

        Raises:
            Conflict: the mark was drawn on an older revision, or another program changed a file.
            TooMuch: the image has too many marks.
            WriteRefused: the disk is full.
        """
        with self._writing:
            key, former = self._journaled(image, revision, mark)
            then(image, revision + 1)
            self._write(key, former)

    def _journaled(self, image: int, revision: int, mark: Mark) -> tuple[str, Layers]:
        """The key of an image and its labels before a mark that is now in the journal."""
        with self.lock:
            key = self.key(image)
            self._require_newest(key, revision)
            former = self._labels(key)
            coming = self._after(key, former, mark)
            if changed := self.files.changed(self.files.of_image(key)):
                fix = "reload what is on disk; undo brings back what was drawn here"
                raise Conflict(f"{', '.join(changed)} was changed by another program: the mark is not saved", fix=fix)
            self._append(key, mark)
            self._layers[key] = coming
            return key, former

    def drawn(self) -> int:
        """How many marks count now, in all images."""
        with self.lock:
            return sum(
                not isinstance(mark, State) for marks in self.journal.marks.values() for mark in standing(marks)[0]
            )

    def revisions(self) -> dict[int, int]:
        """The revision of each image that has one."""
        with self.lock:
            return {self._numbers[key]: len(marks) for key, marks in self.journal.marks.items() if marks}

    def states(self) -> list[str]:
        """The state of each image, one of `OPEN`."""
        with self.lock:
            return [self._state_of(key) for key in self.keys]

    def _state_of(self, key: str) -> str:
        if key not in self._states:
            marks = standing(self.journal.marks.get(key, ()))[0]
            said = next((mark.said for mark in reversed(marks) if isinstance(mark, State)), "open")
            drawn = key in self._labelled or any(not isinstance(mark, State) for mark in marks)
            self._states[key] = said if said != "open" else "drawn" if drawn else "none"
        return self._states[key]

    def changed(self, image: int) -> list[str]:
        """The files with labels of an image that another program changed."""
        with self.lock:
            return self.files.changed(self.files.of_image(self.key(image)))

    def reload(self, image: int, revision: int) -> None:
        """Go on from what another program wrote into the files of an image's labels.

        It is a mark like others: undo brings the labels of before back. A table changes other images too.

        Raises:
            Conflict: a file cannot be read, or the page shows an older revision.
        """
        with self._writing, self.lock:
            key = self.key(image)
            self._require_newest(key, revision)
            for name in self.files.changed(self.files.of_image(key)):
                mark = self.files.kept(name, self.size(key))
                told = [key] if mark.file == "scribbles" else {*self.files.told_elsewhere(mark), *self._tabled()}
                for each in sorted(told):
                    former = self._labels(each)
                    coming = self.files.reloaded(each, former, mark)
                    if self.files.differing(each, coming, former):
                        self._append(each, mark)
                        self._layers[each] = coming
                        self._said.pop(each, None)
                self.files.own_again(name, mark)

    def add_class(self, name: str) -> None:
        """Add a class to classes.txt.

        Raises:
            Refused: the name cannot occur in tables, or is taken.
            Conflict: dataset.toml says which classes there are.
        """
        with self._writing, self.lock:
            names, said = self.files.legend.declared, self.declaration
            if said.classes or said.values or said.merge or said.colours or said.folders:
                raise Conflict("dataset.toml says which classes there are", fix="add the class there")
            if len(names) >= MOST_CLASSES:
                raise TooMuch(f"{len(names)} classes", expected=f"at most {MOST_CLASSES}")
            if wrong := problem_of_name(name) or ("the name is too long" if len(name) > 60 else ""):
                raise Refused(wrong, expected="a short name without ;")
            if name in names:
                raise Conflict(f"'{name}' is a class already")
            text = "".join(f"{each}\n" for each in (*names, name))
            write_whole(self.root / "classes.txt", lambda part: part.write_text(text, encoding="utf-8"))
            self.files.legend = _legend(self.root, said)
            self._layers.clear()
            self._said.clear()

    def _require_newest(self, key: str, revision: int) -> None:
        if revision != self.journal.revision(key):
            found = f"{key} has revision {self.journal.revision(key)}, the mark {revision}"
            raise Conflict(found, fix="reload the page: another tab drew meanwhile")

    def _append(self, key: str, mark: Mark) -> None:
        (self.root / "studio").mkdir(exist_ok=True)
        self.journal.append(key, mark)
        self._states.pop(key, None)

    def _after(self, key: str, former: Layers, mark: Mark) -> Layers:
        """The labels after a mark that is not written yet."""
        if isinstance(mark, Undo | Redo):
            return self._replayed(key, [*self.journal.marks.get(key, ()), mark])
        return applied(former, mark, self.index())

    def _replayed(self, key: str, marks: Sequence[Mark]) -> Layers:
        start = self.files.start(key, self.size(key))
        return replayed(start, marks, self.index(), partial(self.files.reloaded, key))

    def _labels(self, key: str) -> Layers:
        with self.lock:
            if key not in self._layers:
                while len(self._layers) >= _HELD:
                    self._layers.pop(next(iter(self._layers)))
                self._layers[key] = self._replayed(key, self.journal.marks.get(key, ()))
            return self._layers[key]

    def _tabled(self) -> dict[str, Layers]:
        """The labels, without scribbles, of images whose rows of tables are the studio's."""
        for key, marks in self.journal.marks.items():
            if key not in self._said and any(
                not isinstance(mark, Stroke | Polygon | State | Undo | Redo) for mark in marks
            ):
                self._said[key] = replace(self._labels(key), seeds=np.empty((0, 0), int))
        return self._said

    def _write(self, key: str, former: Layers | None) -> None:
        self._said.pop(key, None)
        labels = self._labels(key)
        self.files.write(key, labels, former, self._tabled())

    def _refuse_unwritable(self) -> dict[str, Path]:
        problems: list[WeaksegError] = []
        folder = self.root / "scribbles"
        maps = label_maps(folder, self.images, problems, self.declaration.nested) if folder.is_dir() else {}
        if self.classes.names:
            problems += unwritable(self.files.legend, maps)
        problems += self.files.problems()
        if problems:
            raise DataInvalid.of(problems)
        return maps


def _legend(root: Path, declaration: Declaration) -> Legend:
    if not declaration.classes and not os.path.lexists(root / "classes.txt"):
        return Legend((), (), Classes(()), declaration)
    return read_legend(root, declaration)
