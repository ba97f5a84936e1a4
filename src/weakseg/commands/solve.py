"""`weakseg solve`: one picture and scribbles to a mask, without any network."""

import json
import time
from os.path import lexists
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from weakseg.commands.bar import bar, tell
from weakseg.data.image_file import (
    USUAL,
    Reading,
    decode,
    holds_colours,
    palette,
    read_colours,
    read_labels,
    write_labels,
)
from weakseg.data.orientation import AS_STORED
from weakseg.data.overlay import as_rgb, tinted
from weakseg.data.paint import conversion
from weakseg.data.ranges import groups_of
from weakseg.data.value_range import require_range
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.one_image.segment import segment
from weakseg.whole_file import write_whole

_LARGEST = 65535
"""Of labels: what a PNG of 16 bits holds."""


def solve_and_show(
    picture: Path,
    scribbles: Path,
    out: Path,
    unlabeled: int,
    overlay: Path | None,
    as_json: bool = False,
    reading: Reading = USUAL,
) -> None:
    """Segment a picture, write the mask, and say how good it is proven to be."""
    _refuse_taken(out, overlay)
    _refuse_painted(scribbles, unlabeled)
    image, drawn = _read(picture, scribbles, reading)
    _refuse_strange(scribbles, drawn, unlabeled)
    started = time.perf_counter()
    try:
        with bar("cutting") as told:
            found = segment(image, drawn, unlabeled, told)
    except WeaksegError as error:
        raise error.at(f"{picture} with {scribbles}") from error
    seconds = time.perf_counter() - started
    if overlay:
        drawing = Image.fromarray(tinted(as_rgb(image), found.labels, palette(int(found.labels.max()) + 1)))
        write_whole(overlay, lambda part: drawing.save(part, format="PNG"))
    # The mask comes last: where there is a mask, everything is there.
    write_labels(out, found.labels.astype(np.int32), void=None)
    if as_json:
        numbers = {"energy": found.energy, "bound": found.bound, "seconds": seconds, "status": found.status}
        print(json.dumps({"mask": str(out), "labels": np.unique(found.labels).tolist(), **numbers}))
        return
    shares = [f"{label}: {100 * (found.labels == label).mean():.1f} %" for label in np.unique(found.labels)]
    print(f"{out}: {', '.join(shares)}")
    print(f"energy {found.energy:.4f}, at least {found.bound:.4f} for any labelling; {seconds:.1f} s")
    print(found.status)


def _read(
    picture: Path, scribbles: Path, reading: Reading
) -> tuple[Float[np.ndarray, "M H W"], Int[np.ndarray, "h w"]]:
    """The picture and what is drawn on it; what seems strange about them is told."""
    if reading.range is not None:
        require_range(reading.range)
    read, drawn = decode(picture, reading), read_labels(scribbles, reading)
    for group in groups_of({str(picture): read.held}, reading.range):
        if group.strange:
            low, high = group.fitting
            tell(f"{picture}: {group.strange}\nto do: say which numbers are black and white, --range {low} {high}")
    if reading.upright and read.orientation != AS_STORED:
        found = f"{picture} is turned as its EXIF orientation {read.orientation} says, as viewers show it"
        mend = "if the scribbles were drawn on it as it is stored, give --ignore-exif"
        height, width = read.image.shape[1:]
        if height != width and drawn.shape == (width, height):
            found = f"{found}, and {scribbles} has its height and width exchanged"
            raise DataInvalid(found, expected="scribbles on the turned picture", mend=mend)
        tell(f"{found}\nto do: {mend}")
    return read.image, drawn


def _refuse_taken(*files: Path | None) -> None:
    if len({*files}) < len(files):
        raise DataInvalid(f"{files[0]} is asked for twice", mend="give the mask and the overlay a name each")
    taken = [str(file) for file in files if file and lexists(file)]
    if taken:
        raise DataInvalid(f"there already: {', '.join(taken)}", mend="choose another name, or move it away")


def _refuse_painted(file: Path, unlabeled: int) -> None:
    """Scribbles in colours, with code that makes numbers of theirs."""
    if holds_colours(file):
        mend = conversion(read_colours(file)) + "\nand leave out --unlabeled" * (unlabeled != 255)
        expected = f"one number a pixel, and {unlabeled} where nothing is drawn"
        raise DataInvalid(f"{file} is a colour picture", expected=expected, mend=mend)


def _refuse_strange(file: Path, drawn: np.ndarray, unlabeled: int) -> None:
    strange = np.unique(drawn[(drawn != unlabeled) & ((drawn < 0) | (drawn > _LARGEST))])
    if len(strange):
        raise DataInvalid(
            f"{file} has the label {', '.join(map(str, strange[:8]))}, and {unlabeled} is what means not drawn",
            expected=f"labels from 0 to {_LARGEST}",
            mend="draw with another number, or say with --unlabeled which value means not drawn",
        )
