"""`weakseg solve`: a mask for one image with scribbles.

No network is needed.
"""

import json
import time
from dataclasses import replace
from os.path import lexists
from pathlib import Path

import numpy as np
from jaxtyping import Int
from PIL import Image

from weakseg.commands.options import SolveOptions
from weakseg.commands.solve_volume import solve_volume_and_show
from weakseg.console.progress_bar import bar, tell
from weakseg.data.check.ranges import groups_of
from weakseg.data.folder.annotated import legend_of
from weakseg.data.folder.contents import list_files
from weakseg.data.folder.declaration import read_declaration
from weakseg.data.folder.drawing import Drawing, read_drawing, read_marks
from weakseg.data.folder.folder import find
from weakseg.data.folder.legend import Legend
from weakseg.data.images.image_file import EXTENSIONS, Decoded, decode
from weakseg.data.images.label_file import palette, require_png, write_labels
from weakseg.data.images.orientation import AS_STORED
from weakseg.data.images.stored import Reading
from weakseg.data.images.value_range import require_range
from weakseg.data.overlay import as_rgb, tinted
from weakseg.data.volumes.volume import stem_of
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.files.whole_file import write_whole
from weakseg.one_image.segment import Segmentation, segment
from weakseg.types import UNLABELED

_LARGEST = 65535
"""Largest label that a PNG of 16 bits holds."""


def solve_and_show(image: Path, scribbles: Path, out: Path, wanted: SolveOptions) -> None:
    """Segment an image or a volume, write the mask, and print its certificate."""
    if stem_of(image):
        solve_volume_and_show(image, scribbles, out, wanted)
        return
    overlay, reading = wanted.overlay, Reading(not wanted.ignore_exif, wanted.range)
    require_png(out)
    if overlay is not None:
        require_png(overlay)
    _refuse_taken(out, overlay)
    legend = _legend(wanted.legend)
    if legend is not None:
        said = legend.declaration.reading
        reading = replace(said, upright=said.upright and reading.upright, range=reading.range or said.range)
    drawing = _drawing(scribbles, image, reading, wanted.unlabeled, legend)
    read = _read(image, scribbles, drawing, reading)
    _refuse_strange(scribbles, drawing)
    empty = np.zeros(drawing.labels.shape, bool) if read.empty is None else read.empty
    started = time.perf_counter()
    try:
        with bar("cutting") as progress:
            # Scribbles on pixels without data say nothing of the others.
            marks = drawing.labels if read.empty is None else np.where(empty, drawing.nothing, drawing.labels)
            found = segment(read.image, marks, drawing.nothing, progress)
    except WeaksegError as error:
        raise error.at(f"{image} with {scribbles}") from error
    seconds = time.perf_counter() - started
    # Another command may have written them in the minutes that a large image takes.
    _refuse_taken(out, overlay)
    if overlay:
        colors = palette(int(found.labels.max()) + 1) if drawing.colors is None else drawing.colors
        tint = Image.fromarray(tinted(as_rgb(read.image), np.where(empty, UNLABELED, found.labels), colors))
        write_whole(overlay, lambda part: tint.save(part, format="PNG"))
    # The mask is written last, so that its existence means that every file is complete.
    void = 255 if legend is None else legend.convention("masks").void
    write_labels(out, np.where(empty, void, found.labels).astype(np.int32), void=None, colors=drawing.colors)
    _show(out, found, found.labels[~empty], drawing.names, seconds, wanted.json)


def _drawing(scribbles: Path, image: Path, reading: Reading, unlabeled: str | None, legend: Legend | None) -> Drawing:
    """The scribbles of a label map, or the marks of an annotation file."""
    if scribbles.suffix.lower() in EXTENSIONS:
        return read_drawing(scribbles, reading, unlabeled, legend)
    if unlabeled is not None:
        found = f"--unlabeled {unlabeled} with {scribbles}, which is no label map"
        raise DataInvalid(found, fix="leave out --unlabeled: in annotation files nothing is drawn elsewhere")
    return read_marks(scribbles, image, reading, legend)


def _show(
    out: Path,
    found: Segmentation,
    covered: Int[np.ndarray, " N"],
    names: dict[int, str],
    seconds: float,
    as_json: bool,
) -> None:
    """Print the area of each label, and the certificate.

    Areas are fractions of the pixels with data.
    """
    labels = np.unique(covered).tolist()
    if as_json:
        numbers = {"energy": found.energy, "bound": found.bound, "seconds": seconds, "status": found.status}
        called = {"names": {str(label): names[label] for label in labels}} if names else {}
        print(json.dumps({"mask": str(out), "labels": labels, **called, **numbers}))
        return
    called = {label: f"{label} ({names[label]})" if names else str(label) for label in labels}
    shares = [f"{called[label]}: {100 * (covered == label).mean():.1f} %" for label in labels]
    print(f"{out}: {', '.join(shares)}")
    print(f"energy {found.energy:.4f}, lower bound over all labellings {found.bound:.4f}; {seconds:.1f} s")
    print(found.status)


def _read(image: Path, scribbles: Path, drawing: Drawing, reading: Reading) -> Decoded:
    """The image, with notes on anything unusual about it."""
    if reading.range is not None:
        require_range(reading.range)
    read = decode(image, reading)
    if drawing.guessed:
        tell(f"{scribbles}: {drawing.guessed}")
    for group in groups_of({str(image): read.held}, reading.range):
        if group.strange:
            low, high = group.fitting
            tell(f"{image}: {group.strange}\nto do: state the values of black and white with --range {low} {high}")
    if reading.upright and read.orientation != AS_STORED:
        found = f"{image} is rotated according to its EXIF orientation {read.orientation}, as viewers show it"
        fix = "if the scribbles were drawn on the image as stored, use --ignore-exif"
        height, width = read.image.shape[1:]
        if height != width and drawing.labels.shape == (width, height):
            found = f"{found}, and the height and width of {scribbles} are exchanged"
            raise DataInvalid(found, expected="scribbles on the rotated image", fix=fix)
        tell(f"{found}\nto do: {fix}")
    return read


def _refuse_taken(*files: Path | None) -> None:
    if len({*files}) < len(files):
        raise DataInvalid(f"{files[0]} is named twice", fix="give the mask and the overlay different names")
    taken = [str(file) for file in files if file and lexists(file)]
    if taken:
        raise DataInvalid(f"already exists: {', '.join(taken)}", fix="choose another name, or move the file away")


def _legend(data: str | None) -> Legend | None:
    if data is None:
        return None
    root = find(data)
    declaration, problems = read_declaration(root), []
    return legend_of(root, declaration, list_files(root / "images", problems, declaration.nested))


def _refuse_strange(file: Path, drawing: Drawing) -> None:
    drawn = drawing.labels[drawing.labels != drawing.nothing]
    strange = np.unique(drawn[(drawn < 0) | (drawn > _LARGEST)])
    if len(strange):
        raise DataInvalid(
            f"{file} has the label {', '.join(map(str, strange[:8]))}; unlabelled pixels have {drawing.nothing}",
            expected=f"labels from 0 to {_LARGEST}",
            fix="draw with another value, or name the value of pixels without a label with --unlabeled",
        )
