"""A small data folder without a fault, and ways to change its files."""

import numpy as np
from PIL import Image

from weakseg.data.check.check import check

KEYS = ("a", "b", "c", "d", "e", "f")
NAMES = ("background", "cow", "sheep")
MASK = np.zeros((12, 16), np.uint8)
MASK[3:8, 4:12] = 1
MASK[9:, :3] = 2
SCRIBBLE = np.full((12, 16), 255, np.uint8)
SCRIBBLE[5, 6:10] = 1
SCRIBBLE[10, 1] = 2
SCRIBBLE[1, 2:14] = 0
TABLES = {
    "tags.csv": ("image,present,absent", "{},cow,"),
    "sizes.csv": ("image,class,min,max", "{},cow,0.1,0.5"),
    "boxes.csv": ("image,class,left,top,right,bottom", "{},cow,4,3,12,8"),
    "clicks.csv": ("image,class,x,y", "{},cow,7,6"),
}


def save(path, array):
    """Writes an image or label map."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(array).save(path)


def write(path, *lines):
    """Writes a text file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def add(path, *lines):
    """Adds lines to a text file."""
    path.write_text(path.read_text() + "\n".join(lines) + "\n")


def lay_out(root):
    """Six sound images with masks, scribbles and tables; a to d are for training, e and f for validation."""
    for number, key in enumerate(KEYS):
        save(root / "images" / f"{key}.png", np.full((12, 16, 3), 10 * number, np.uint8))
        save(root / "masks" / f"{key}.png", MASK)
        save(root / "scribbles" / f"{key}.png", SCRIBBLE)
    write(root / "classes.txt", *NAMES)
    write(root / "splits" / "train.txt", *KEYS[:4])
    write(root / "splits" / "val.txt", *KEYS[4:])
    for name, (header, row) in TABLES.items():
        write(root / name, header, *(row.format(key) for key in KEYS))
    return root


def faults(root):
    """What must be fixed, by the name of the file within the folder."""
    found = [finding for finding in check(str(root)).findings if not finding.remark]
    return {finding.file.relative_to(root).as_posix(): finding for finding in found}


def remarks(root):
    """What is worth knowing, by the name of the file within the folder."""
    found = [finding for finding in check(str(root)).findings if finding.remark]
    return {finding.file.relative_to(root).as_posix(): finding for finding in found}


def cut(path):
    """Leaves the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def repaint(path, change):
    """Saves an image anew, changed."""
    with Image.open(path) as image:
        values = np.array(image)
    save(path, change(values).astype(np.uint8))


def dotted(values, value, row=0, column=15):
    """The map with another value at one pixel."""
    values[row, column] = value
    return values
