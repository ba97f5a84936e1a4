"""Stored targets: what the network is pulled to between two updates, one file for each image."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from weakseg.data.images.label_file import read_labels, read_note, void_for, write_labels
from weakseg.data.sample import Sample
from weakseg.data.soft_target import SoftTarget, from_tiles, to_tiles
from weakseg.errors import DataInvalid
from weakseg.types import UNLABELED

Target = Int[np.ndarray, "H W"] | SoftTarget
"""A whole image's target: labels, `UNLABELED` where nothing is taught, or soft."""


@dataclass(frozen=True)
class Targets:
    """Stored targets of a dataset, one file for each image.

    Called with a sample, they give its target. One-hot targets are label maps that people can look at; soft ones are
    kept soft.
    """

    folder: Path
    """Where the files lie: `<key>.png`."""
    mark: str = ""
    """A text that goes into the digest in each file, so that no other and no damaged file is taken for a target; empty
    for files without a digest."""

    def __call__(self, sample: Sample) -> Target:
        """The target of an image.

        Raises:
            DataInvalid: it is missing, damaged, of another update, of another size or of classes that there are not.
        """
        path, found = self._path(sample.key), self._read(sample.key)
        size = found.size if isinstance(found, SoftTarget) else found.shape
        if size != sample.valid.shape:
            raise DataInvalid(f"{path} is {size}, its image {sample.valid.shape}", fix=_MEND)
        void = void_for(len(sample.tags))
        labels = found.classes if isinstance(found, SoftTarget) else found[found != void]
        if (labels >= len(sample.tags)).any():
            raise DataInvalid(f"{path} has label {labels.max()}", fix=_MEND)
        if isinstance(found, SoftTarget):
            return found
        return np.where(found == void, UNLABELED, found).astype(np.int64)

    def find(self, sample: Sample) -> Target | None:
        """The target; `None` where it is missing or damaged."""
        try:
            return self(sample)
        except DataInvalid:
            return None

    def wanting(self, keys: Iterable[str]) -> list[str]:
        """Keys whose target is missing, damaged or of another update."""

        def is_wanting(key: str) -> bool:
            try:
                self._read(key)
            except DataInvalid:
                return True
            return False

        return [key for key in keys if is_wanting(key)]

    def keep(self, sample: Sample, found: Target) -> None:
        """Write a target, whole or not at all."""
        path = self._path(sample.key)
        path.parent.mkdir(parents=True, exist_ok=True)  # a key may be a path
        if isinstance(found, SoftTarget):
            tiles, known = to_tiles(found)
            note = json.dumps(known | {"digest": self._digest(sample.key, tiles, known)})
            write_labels(path, tiles, None, note, grey=True)
            return
        void = void_for(len(sample.tags))
        note = self._digest(sample.key, np.where(found == UNLABELED, void, found)) if self.mark else ""
        write_labels(path, found, void, note)

    def _read(self, key: str) -> Target:
        path = self._path(key)
        try:
            values = read_labels(path)
        except DataInvalid as error:
            raise DataInvalid(error.found, expected=error.expected, fix=_MEND) from error
        note, known, found = read_note(path), {}, values
        digest = note
        if note.startswith("{"):
            try:
                known = json.loads(note)
                digest, found = known.pop("digest"), from_tiles(values, known)
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                raise DataInvalid(f"{path} is no soft target: {error}", fix=_MEND) from error
        # The key is part of the digest: two files of one folder that were swapped are noticed.
        if self.mark and digest != self._digest(key, values, known):
            raise DataInvalid(f"{path} was changed, or is of another update or image", fix=_MEND)
        return found

    def _digest(self, key: str, values: Int[np.ndarray, "R W"], known: dict[str, Any] | None = None) -> str:
        """Digest of everything in a file; `known` describes the tiles of a soft target."""
        text = f"{self.mark} {key} {values.shape} {json.dumps(known) if known else ''}".encode()
        return hashlib.sha256(text + np.ascontiguousarray(values, np.int32).tobytes()).hexdigest()[:32]

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.png"


_MEND = (
    "resume the run with --resume, which updates the targets again where they are missing; in a loop of your own, call"
    " update_targets again"
)
