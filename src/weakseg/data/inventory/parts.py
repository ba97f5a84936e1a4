"""Label maps in several files, one per class of an image.

The advice has code that merges them. `p1_liver.png` names its image and its class; the export of an annotation tool may
name its own task instead.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from weakseg.data.folder.legend import Legend
from weakseg.data.label_values.convention import Convention
from weakseg.files.layout import MASKS
from weakseg.finding import Finding, counted

_TASK = r"task-(\d+)-.*-tag-(.+)-(\d+)"
"""Label Studio's name of a brush label: task, tag and number of the region."""

_RENAME = r"""names like '{name}' contain the number of a Label Studio task, not the image. The JSON export
of the same project has both (`id` and `data` of each task). Enter them into this code for every task, run it in the
data folder, and check again:
    import pathlib, re
    image_of = {{{task}: "{key}"}}  # by task: the name of its file in images/, without the extension
    for file in sorted(pathlib.Path("{folder}").iterdir()):
        if found := re.fullmatch(r"{pattern}", file.stem):
            task, tag, region = found.groups()
            to = file.with_name(f"{{image_of[int(task)]}}_{{tag}}_{{region}}{{file.suffix}}")
            assert not to.exists(), f"{{file}} is a second annotation of its image: keep one"
            file.rename(to)"""

_TOGETHER = r"""merge them into one map for each image. This code, run in the data folder, takes values above 0
in a file for its class, stops where two classes of an image overlap, and moves the files to parts_of_{folder}/:
    import pathlib, re, numpy as np
    from PIL import Image
    folder, parts = pathlib.Path("{folder}"), pathlib.Path("parts_of_{folder}")
    value, maps, files = {value}, {{}}, []
    keys = {{file.stem for file in pathlib.Path("images").iterdir()}}
    for file in sorted(folder.iterdir()):
        found = re.fullmatch({pattern!r}, file.stem)
        if found and found[1] in keys:
            drawn, mine = np.asarray(Image.open(file).convert("L")) > 0, value[found[2]]
            labels = maps.setdefault(found[1], np.full(drawn.shape, {rest}, np.{kind}))
            assert np.isin(labels[drawn], [{rest}, mine]).all(), f"{{file}} lies on another class of its image"
            labels[drawn] = mine
            files.append(file)
    parts.mkdir()
    for file in files:
        file.rename(parts / file.name)
    for key, labels in maps.items():
        Image.fromarray(labels).save(folder / f"{{key}}.png")"""


def findings_of_parts(
    folder: Path, strays: Mapping[str, Path], images: Collection[str], maps: Collection[str], legend: Legend
) -> tuple[list[Finding], set[str]]:
    """Findings about maps of single classes, and their names.

    Such maps belong to no image by their names.

    Args:
        folder: the folder of label maps.
        strays: its files without an image of the same name, by name.
        images: keys of the images.
        maps: keys with a label map.
        legend: the declared classes.
    """
    convention, names = legend.convention(folder.name), legend.declared
    tasks = [name for name in strays if re.fullmatch(_TASK, name)]
    if tasks and not maps:
        task = re.fullmatch(_TASK, tasks[0])
        words = {"name": tasks[0], "task": task and task[1], "key": next(iter(images)), "pattern": _TASK}
        found = f"{len(tasks)} files contain one class of an image each, and do not name the image"
        fix = _RENAME.format(folder=folder.name, **words)
        return [Finding(folder, found, "one map for each image, with the same name", fix)], {*tasks}
    pattern = _pattern(names)
    split = {name: found for name in strays if names and (found := re.fullmatch(pattern, name))}
    mine = {name: found for name, found in split.items() if found[1] in images and found[1] not in maps}
    if not mine or min(convention.values) < 0:
        return [], set()
    keys = [*dict.fromkeys(found[1] for found in mine.values())]
    found = f"{len(mine)} files such as {strays[next(iter(mine))].name} contain one class each, of {counted(keys)}"
    fix = _together(folder.name, convention, names, {found[2] for found in mine.values()}, pattern)
    return [Finding(folder, found, "one map for each image, with the same name", fix, tuple(keys))], {*mine}


def _pattern(names: Collection[str]) -> str:
    """An expression for image, class and possibly a number.

    They are separated by one of -_. or a space.
    """
    return rf"(.+?)[-_. ]({'|'.join(map(re.escape, names))})(?:[-_. ]\d+)?"


def _together(folder: str, convention: Convention, names: tuple[str, ...], drawn: set[str], pattern: str) -> str:
    """Code that merges the maps of a folder."""
    value = dict(zip(names, convention.values, strict=True))
    free = [number for number in (*convention.nothing, 255, 65535) if number >= 0 and number not in convention.values]
    rest = free[0]
    if folder == MASKS and "background" in value and "background" not in drawn:
        rest = value["background"]
    kind = "uint8" if max(*value.values(), rest) < 256 else "uint16"
    return _TOGETHER.format(folder=folder, value=value, rest=rest, kind=kind, pattern=pattern)
