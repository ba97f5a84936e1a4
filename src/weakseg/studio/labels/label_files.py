"""The label files of a data folder, as `weakseg train` reads them.

Before the studio first writes a file that it did not make, it keeps a copy in studio/before/, and goes on from that.
A file that another program changed since is never overwritten; what it holds can be reloaded, and studio/reloaded/ then
keeps it.
"""

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from PIL import Image

from weakseg.data.folder.folder import read_values
from weakseg.data.folder.legend import Legend
from weakseg.data.folder.tables import READERS, each_row
from weakseg.data.images.label_file import palette
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.files.regular_file import read_bytes
from weakseg.files.whole_file import write_whole
from weakseg.studio.labels.layers import Layers
from weakseg.studio.labels.mark import Reload
from weakseg.studio.labels.refusals import Conflict
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD

COLUMNS = {
    "boxes.csv": ("image", "class", "left", "top", "right", "bottom"),
    "clicks.csv": ("image", "class", "x", "y"),
    "tags.csv": ("image", "present", "absent"),
}
"""The tables that the studio writes."""
_PARTS = {"boxes.csv": "boxes", "clicks.csv": "clicks", "tags.csv": "tags"}
"""What of the labels each table holds."""


@dataclass
class LabelFiles:
    """Label files that the studio reads and writes."""

    root: Path
    legend: Legend
    keys: Collection[str]
    tell: Callable[[str], None]
    written: dict[str, list[str]] = field(default_factory=dict)
    """Digests that each written file may have: before the last write, and after it."""

    @property
    def own(self) -> Path:
        """The folder of the studio's own files."""
        return self.root / "studio"

    def start(self, key: str, size: tuple[int, int]) -> Layers:
        """The labels of an image before any mark."""
        tags = tuple(UNTOLD for _ in self.legend.classes.names)
        layers = Layers(np.full(size, UNLABELED, np.int32), (), (), tags)
        path = self._before(f"scribbles/{key}.png")
        layers = replace(layers, seeds=self._seeds(path, size)) if path.is_file() else layers
        for name in COLUMNS:
            layers = _tabled(layers, name, self._table(self._before(name), name).get(key))
        return layers

    def write(self, key: str, layers: Layers, former: Layers | None, all_marked: Mapping[str, Layers]) -> None:
        """Write what differs from the former labels.

        Args:
            key: the image.
            layers: its labels now.
            former: its labels at the last writing; `None` writes all.
            all_marked: the labels of every image with marks, for the tables.

        Raises:
            Conflict: another program changed a file.
            WriteRefused: a file cannot be written.
        """
        for name in self.differing(key, layers, former):
            scribbled = name not in COLUMNS
            self._write(name, self._scribbles(key, layers) if scribbled else self._text(name, all_marked))

    def differing(self, key: str, layers: Layers, former: Layers | None) -> list[str]:
        """The files that two states of an image's labels differ in; all of them without a former state."""
        drawn = former is None or not np.array_equal(layers.seeds, former.seeds)
        tables = [n for n, part in _PARTS.items() if former is None or getattr(layers, part) != getattr(former, part)]
        return [*([f"scribbles/{key}.png"] if drawn else []), *tables]

    def changed(self, names: Collection[str]) -> list[str]:
        """Those of some files that another program changed since the studio wrote them."""
        return [name for name in names if name in self.written and not self._is_own(name)]

    def of_image(self, key: str) -> list[str]:
        """The files that hold an image's labels."""
        return [f"scribbles/{key}.png", *COLUMNS]

    def kept(self, name: str, size: tuple[int, int]) -> Reload:
        """What another program wrote into a file, kept for good, as a mark.

        Raises:
            Conflict: it cannot be read.
        """
        path = self.root / name
        content = read_bytes(path)
        mark = Reload(name if name in COLUMNS else "scribbles", _digest(content))
        copy = self._copy(mark)
        write_whole(copy, lambda part: part.write_bytes(content))
        problems: list[WeaksegError] = []
        try:
            if name in COLUMNS:
                problems += READERS[name](copy, self.legend, self.keys)[1]
            else:
                self._seeds(copy, size)
        except WeaksegError as error:
            problems.append(error)
        if problems:
            why = "; ".join(str(problem).replace(str(copy), str(path)) for problem in problems[:4])
            raise Conflict(f"{name} cannot be reloaded: {why}", fix="repair it, or move it away to go on without it")
        return mark

    def own_again(self, name: str, mark: Reload) -> None:
        """From now on a file that was reloaded may be written again."""
        self._note(name, [mark.digest, mark.digest])

    def reloaded(self, key: str, layers: Layers, mark: Reload) -> Layers:
        """The labels after a file was reloaded."""
        copy = self._copy(mark)
        if not copy.is_file():
            raise DataInvalid(f"{copy} is gone", fix="restore it from a copy: the journal names it")
        if mark.file == "scribbles":
            return replace(layers, seeds=self._seeds(copy, (layers.seeds.shape[0], layers.seeds.shape[1])))
        return _tabled(layers, mark.file, self._table(copy, mark.file).get(key))

    def told_elsewhere(self, mark: Reload) -> list[str]:
        """Images of which a reloaded table says something else than the table did before the studio."""
        before, after = self._table(self._before(mark.file), mark.file), self._table(self._copy(mark), mark.file)
        return [key for key in self.keys if str(before.get(key)) != str(after.get(key))]

    def tabled(self) -> set[str]:
        """The images that tables name."""
        return {key for name in COLUMNS for key in self._table(self._before(name), name)}

    def problems(self) -> list[DataInvalid]:
        """Why the studio cannot go on from these files."""
        found = []
        for name in COLUMNS:
            if self._before(name).is_file():
                found += READERS[name](self._before(name), self.legend, self.keys)[1]
        return found

    def _before(self, name: str) -> Path:
        """The file that held an image's labels before the studio."""
        kept = self.own / "before" / name
        if kept.is_file():
            return kept
        return self.own / "nothing" if name in self.written else self.root / name

    def _copy(self, mark: Reload) -> Path:
        """Where the content of a reloaded file is kept."""
        return self.own / "reloaded" / f"{mark.digest}{'.png' if mark.file == 'scribbles' else '.csv'}"

    def _is_own(self, name: str) -> bool:
        path = self.root / name
        return not path.is_file() or _digest(read_bytes(path)) in self.written[name]

    def _seeds(self, path: Path, size: tuple[int, int]) -> Int[np.ndarray, "H W"]:
        return self.legend.labels(read_values(path, self.legend, "scribbles", size), "scribbles").astype(np.int32)

    def _table(self, path: Path, name: str) -> dict[str, Any]:
        return READERS[name](path, self.legend, self.keys)[0] if path.is_file() else {}

    def _write(self, name: str, content: bytes | None) -> None:
        target, known = self.root / name, self.written.get(name)
        held = read_bytes(target) if target.is_file() else None
        if held is None and content is None:
            return
        if held is not None and known is None:
            write_whole(self.own / "before" / name, lambda part: shutil.copyfile(target, part))
            self.tell(f"{target} is rewritten; studio/before/{name} keeps it as it was")
        elif held is not None and known is not None and _digest(held) not in known:
            fix = "the mark is in the journal; reload the file, or move it away"
            raise Conflict(f"{name} was changed by another program", fix=fix)
        # Noted first: a process that is killed between the two leaves either content, and both are its own.
        digests = ["" if held is None else _digest(held), "" if content is None else _digest(content)]
        self._note(name, digests)
        if content is None:
            target.unlink()
        else:
            write_whole(target, lambda part: part.write_bytes(content))

    def _note(self, name: str, digests: list[str]) -> None:
        self.written[name] = digests
        text = json.dumps(self.written, ensure_ascii=False, indent=0)
        write_whole(self.own / "written.json", lambda part: part.write_text(text, encoding="utf-8"))

    def _scribbles(self, key: str, layers: Layers) -> bytes | None:
        """The PNG of an image's scribbles; nothing where none are and there is no file.

        A file stays, without labels in the end: a training that is running reads it again.
        """
        if not (layers.seeds != UNLABELED).any() and not (self.root / f"scribbles/{key}.png").is_file():
            return None
        convention = self.legend.convention("scribbles")
        # `UNLABELED` is -1: the last of these values.
        values = np.array([*self.legend.numbers_in("scribbles"), convention.nothing[0]])
        deep = values.max() > 255
        picture = Image.fromarray(values.astype(np.uint16 if deep else np.uint8)[layers.seeds])
        # Where colours are declared, a palette would be read by its colours.
        if not deep and not convention.colours:
            picture.putpalette(palette(256).tobytes())
        stream = BytesIO()
        picture.save(stream, format="PNG", compress_level=1)
        return stream.getvalue()

    def _text(self, name: str, all_marked: Mapping[str, Layers]) -> bytes | None:
        """A table: rows of images without marks as they were, then those of the others."""
        columns, names = COLUMNS[name], self.legend.classes.names
        rows = [row for key, layers in all_marked.items() for row in _cells_of(name, key, layers, names)]
        kept: list[dict[str, str]] = []
        path = self._before(name)

        def note(key: str, cells: dict[str, str]) -> None:
            if key not in all_marked:
                kept.append(cells)

        if path.is_file():
            each_row(path, columns, self.keys, note)
        header = list(kept[0]) if kept else list(columns)
        lines = [*kept, *(dict(zip(columns, row, strict=True)) for row in rows)]
        if not lines and not path.is_file():
            return None
        text = StringIO()
        # Quotes preserve spaces at the ends of an image's name.
        writer = csv.DictWriter(text, header, restval="", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writeheader()
        writer.writerows(lines)
        return text.getvalue().encode()


def read_written(own: Path) -> dict[str, list[str]]:
    """The digests that the studio noted of its files."""
    path = own / "written.json"
    if not path.exists():
        return {}
    try:
        said = json.loads(read_bytes(path))
        assert all(isinstance(digests, list) for digests in said.values())
    except (ValueError, AttributeError, AssertionError, RecursionError):
        raise DataInvalid(f"{path} is damaged", fix="restore it, or remove it with the journal beside it") from None
    return said


def unwritable(legend: Legend, maps: Mapping[str, Path]) -> list[DataInvalid]:
    """Why scribbles of this folder cannot be written."""
    convention, problems = legend.convention("scribbles"), []
    values = (*legend.numbers_in("scribbles"), *convention.nothing[:1])
    if not convention.nothing or not all(0 <= value <= 65535 for value in values):
        found = "the scribbles of this folder have no value for unlabelled pixels, or values that no PNG holds"
        problems.append(DataInvalid(found, fix="set `unlabeled` and `values` in dataset.toml to 0 ... 65535"))
    for path in maps.values():
        if path.suffix != ".png":
            problems.append(DataInvalid(f"{path} is not named *.png", fix="save it as PNG: the studio writes PNGs"))
    return problems


def _cells_of(name: str, key: str, layers: Layers, names: Sequence[str]) -> list[tuple[object, ...]]:
    if name == "boxes.csv":
        return [(key, names[label], *(f"{side:g}" for side in sides)) for label, *sides in layers.boxes]
    if name == "clicks.csv":
        return [(key, names[label], x, y) for label, x, y in layers.clicks]
    said = [
        ";".join(name for name, tag in zip(names, layers.tags, strict=True) if tag == wanted)
        for wanted in (PRESENT, ABSENT)
    ]
    return [(key, *said)] if any(said) else []


def _tabled(layers: Layers, name: str, said: Any) -> Layers:
    """Labels with what a table says of their image, or says no more."""
    size = (layers.seeds.shape[0], layers.seeds.shape[1])
    if name == "boxes.csv":
        return replace(layers, boxes=tuple((int(c), x, y, right, bottom) for c, y, x, bottom, right in _rows(said)))
    if name == "clicks.csv":
        return replace(layers, clicks=tuple(_pixel(click, size) for click in said or ()))
    return replace(layers, tags=tuple(UNTOLD for _ in layers.tags) if said is None else tuple(int(tag) for tag in said))


def _rows(boxes: Any) -> list[list[float]]:
    return [] if boxes is None else boxes.tolist()


def _pixel(click: Any, size: tuple[int, int]) -> tuple[int, int, int]:
    row, column = np.floor(click.points[0] + 0.5).astype(int).clip(0, np.array(size) - 1).tolist()
    return click.label, column, row


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
