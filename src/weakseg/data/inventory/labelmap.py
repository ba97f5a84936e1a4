"""CVAT's `labelmap.txt`: colours proposed for `[colours]`.

They are never used without being declared.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

from weakseg.data.folder.legend import Legend
from weakseg.data.images.colours import named, number_of, written
from weakseg.data.inventory.left_out import LABELMAP
from weakseg.data.label_values.paint import table
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import read_text
from weakseg.finding import Finding, some


def read_labelmap(root: Path) -> Iterator[tuple[int, str]]:
    """Pairs (colour, name) of lines `name:r,g,b:parts:actions`.

    None if there is no such file or line.
    """
    if not os.path.lexists(root / LABELMAP):
        return
    try:
        lines = normalize("NFC", read_text(root / LABELMAP)).splitlines()
    except DataInvalid:
        return
    for line in lines:
        name, _, rest = line.strip().partition(":")
        parts = rest.partition(":")[0].split(",")
        colour = written([int(part) if part.strip().isdecimal() else -1 for part in parts])
        if name and colour and not name.startswith("#"):
            yield number_of(colour), name


def findings_of_labelmap(root: Path, legend: Legend) -> list[Finding]:
    """A remark with the undeclared colours of labelmap.txt.

    The lines are ready to be pasted; it is a remark because masks may have numbers.
    """
    said, declaration = [*read_labelmap(root)], legend.declaration
    told = {*declaration.colours}
    new = [(name, colour, "") for colour, name in said if (name, named(colour)) not in told]
    if not new:
        return []
    found = f"it defines the colours of {some([name for name, *_ in new])}, but is not used"
    here = "below `[colours]` in dataset.toml" if declaration.colours else "at the end of dataset.toml"
    fix = f"if the label maps use these colours, write {here}:\n{table(new, not declaration.colours)}"
    names = [name for _, name in said]
    if not legend.declared:
        listed = ", ".join(f'"{name}"' for name in names)
        fix = f"write `classes = [{listed}]` at the start of dataset.toml; {fix}"
    elif strange := [name for name in names if name not in (*legend.declared, "void", "unlabeled")]:
        fix = f"add {', '.join(strange)} to classes.txt, or leave it out; {fix}"
    return [Finding(root / LABELMAP, found, "", fix, remark=True)]
