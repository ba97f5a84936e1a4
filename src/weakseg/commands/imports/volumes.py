"""`weakseg import` of volumes with labels on some slices."""

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from weakseg.console.duration import counted
from weakseg.console.progress_bar import bar
from weakseg.data.folder.contents import list_files
from weakseg.data.imports.import_volumes import ImportedVolumes, import_volumes
from weakseg.data.imports.nnunet import nnunet_of
from weakseg.data.imports.volume_pairs import volumes_in
from weakseg.data.imports.volume_slices import TABLE
from weakseg.data.volumes.grid import PLANES
from weakseg.data.volumes.volume import stem_of
from weakseg.errors import DataInvalid
from weakseg.finding import some
from weakseg.marks.uses import Uses


def is_of_volumes(images: Path) -> bool:
    """Whether a folder of images holds volumes, and no images."""
    if nnunet_of(images) is not None or stem_of(images):
        return True
    return images.is_dir() and not list_files(images, [], nested=True) and bool(volumes_in(images))


def import_volumes_and_show(
    sources: Sequence[Path], images: Path, into: Path, uses: Uses, plane: str | None, as_json: bool
) -> None:
    """Make a data folder of slices, and print what they show."""
    if plane is not None and plane not in PLANES:
        raise DataInvalid(f"--plane {plane}", expected=", ".join(PLANES))
    if uses != Uses(names=uses.names):
        raise DataInvalid("--as with volumes, whose voxels are labels", fix="leave it out; --name alone counts")
    with bar("importing") as progress:
        made = import_volumes(sources, images, into, uses, plane, progress)
    if as_json:
        print(json.dumps(_for_scripts(made)))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(made))
    for line in (*_sentences(made), f"{into} is ready; {into / TABLE} says where its slices lie. Look at it next:"):
        console.print(Text(line))
    folder = shlex.quote(str(into))
    # Masks are for evaluation, unless they are asked for.
    labels = " --labels masks" if (into / "masks").is_dir() else ""
    console.print(
        Text(f"  weakseg check {folder} --html check.html\n  weakseg train {folder}{labels} --out runs/first")
    )


def _table(made: ImportedVolumes) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("class", overflow="fold")
    for heading in ("slices", "voxels"):
        table.add_column(heading, justify="right")
    for name in made.classes:
        table.add_row(Text(name), f"{made.shown[name]:,}", f"{made.voxels[name]:,}")
    return table


def _sentences(made: ImportedVolumes) -> Iterator[str]:
    pairs = made.pairs
    yield f"{counted(len(pairs.pairs), 'volume')}, {made.slices:,} {made.plane} slices, {made.labelled:,} with labels."
    yield from (f"{note[0].upper()}{note[1:]}." for note in made.notes)
    if made.labelled < made.slices:
        yield "Slices without a label are unlabelled; splits/train.txt lists the others."
    if made.range is not None:
        low, high = made.range
        yield f"Values from {low} to {high} become black to white: `range` in dataset.toml changes that."
    if pairs.unlabelled:
        yield f"Left out, because they have no labels: {some([path.name for path in pairs.unlabelled])}."
    if pairs.strays:
        yield f"Left out, because their images are missing: {some([path.name for path in pairs.strays])}."


def _for_scripts(made: ImportedVolumes) -> dict:
    return {
        "classes": made.classes,
        "voxels": made.voxels,
        "slices_with": made.shown,
        "volumes": [*made.pairs.pairs],
        "plane": made.plane,
        "range": made.range,
        "slices": made.slices,
        "labelled_slices": made.labelled,
        "images_without_labels": [str(path) for path in made.pairs.unlabelled],
        "labels_without_image": [str(path) for path in made.pairs.strays],
        "notes": made.notes,
    }
