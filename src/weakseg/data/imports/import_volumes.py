"""A data folder made of volumes, with labels on some of their slices."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from weakseg.data.images.value_range import Range
from weakseg.data.imports.new_folder import new_folder, require_new
from weakseg.data.imports.volume_labels import classes_of, grids_of, looked_at, plane_of
from weakseg.data.imports.volume_pairs import VolumePairs, pairs_of
from weakseg.data.imports.volume_slices import write_slices
from weakseg.marks.uses import Uses


@dataclass(frozen=True)
class ImportedVolumes:
    """What an import found and made."""

    classes: tuple[str, ...]
    plane: str
    range: Range | None
    """Values of black and white; `None` for eight bits."""
    slices: int
    labelled: int
    """Number of slices with a label."""
    voxels: Counter[str]
    """Labelled voxels of each class."""
    shown: Counter[str]
    """Number of slices that show each class."""
    pairs: VolumePairs
    notes: tuple[str, ...]


def import_volumes(
    sources: Sequence[Path],
    images: Path,
    into: Path,
    uses: Uses,
    plane: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportedVolumes:
    """Make a data folder of volumes, a slice an image.

    Slices without a label are unlabelled, and so is the value 0 unless the files or `uses.names` make it a class.

    Args:
        sources: volumes of labels, folders of them, or a raw data set of nnU-Net.
        images: folder of the volumes that were labelled.
        into: the data folder, new or empty.
        uses: the class of each value or name; `names` alone counts.
        plane: one of `PLANES`; `None`: the one in which people drew, else that of the thickest slices.
        progress: called with the number of finished volumes and the total.

    Raises:
        DataInvalid: names, grids or values do not fit, or nothing is labelled; all problems at once, and nothing is
            written.
    """
    require_new(into)
    # Everything is looked at before anything is written: names, grids, then values. A scan takes minutes to slice, and
    # an error should come first.
    pairs = pairs_of(sources, images)
    grids = grids_of(pairs)
    labels = looked_at(pairs, grids, uses)
    classes = classes_of(pairs, labels, uses)
    chosen, why = (plane, "") if plane else plane_of(labels)
    with new_folder(into) as partial:
        made = write_slices(pairs, grids, labels, classes, chosen, partial, progress)
    notes = [*pairs.notes, *([why] if why else [])]
    if labels.unlabelled_zeros:
        notes.append("voxels of the value 0 are unlabelled; if they are background, import with --name 0=background")
    if number := next((name for name in classes if name.isdecimal()), ""):
        notes.append(f"classes without a name are called by their values: --name {number}=NAME gives one")
    return ImportedVolumes(classes, chosen, *made, pairs, tuple(notes))
