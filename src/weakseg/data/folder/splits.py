"""Checks of the splits of a data folder."""

from collections.abc import Collection, Sequence
from itertools import combinations
from pathlib import Path

from weakseg.data.folder.contents import read_split
from weakseg.data.folder.volumes import group_of, proposed
from weakseg.errors import DataInvalid
from weakseg.files.layout import ALL, TEST, TRAIN, VAL
from weakseg.finding import Finding, counted, findings_of, some

Splits = dict[str, tuple[str, ...]]
"""Keys by split; all images as "all" if there are no splits."""


def check_splits(root: Path, images: Collection[str]) -> tuple[Splits, list[Finding]]:
    """The splits of a folder, and problems of their files.

    Keys that name no image are left out.
    """
    files = sorted((root / "splits").glob("*.txt"))
    if not files:
        return {ALL: tuple(images)}, []
    splits: Splits = {}
    findings: list[Finding] = []
    for file in files:
        try:
            splits[file.stem], problems = read_split(root, file.stem, images)
        except DataInvalid as error:
            splits[file.stem], problems = (), [error]
        findings += [f for p in problems for f in findings_of(p, file, "correct the line, or add the image")]
    if TRAIN not in splits and VAL in splits:
        findings += _train_is_the_rest(root, splits, images)
    findings += _overlaps(root, splits)
    if homeless := sorted(set(images).difference(*splits.values())):
        found = f"{counted(homeless, images)} in no split: {some(homeless)}"
        fix = "add them to a split if they are to be used"
        findings.append(Finding(root / "splits", found, "", fix, tuple(homeless), remark=True))
    return splits, findings


def _train_is_the_rest(root: Path, splits: Splits, images: Collection[str]) -> list[Finding]:
    """Adds the implicit training split to `splits`."""
    keys, problems = read_split(root, TRAIN, images)
    splits[TRAIN] = keys
    if not keys:
        return [f for p in problems for f in findings_of(p, root / "splits", "list the images to train on")]
    text = f"there is no train.txt, so training uses the {counted(keys)} that no other list names"
    return [
        Finding(
            root / "splits", text, "", "if these are not intended, list the training images in train.txt", remark=True
        )
    ]


def findings_of_volumes(root: Path, volume: str, images: Sequence[str], splits: Splits) -> list[Finding]:
    """Findings about volumes that a split divides.

    Without a declared `volume`, one is proposed if names look like slices.
    """
    series = None if volume else proposed(images)
    if not volume and series is None:
        return []
    both = [pair for pair in combinations(splits, 2) if kept_apart(*pair)]
    found = [_torn(root, pair, splits, series.group if series else volume, remark=series is not None) for pair in both]
    if series is None:
        return [finding for finding in found if finding]
    name, slices = max(series.volumes.items(), key=lambda item: len(item[1]))
    text = f"the names look like slices of {len(series.volumes)} volumes ('{name}' has {len(slices)})"
    fix = (
        f"if they are, write `volume = '{series.volume}'` into dataset.toml: Dice is then computed per volume, and an"
        " automatic split keeps volumes together"
    )
    return [*filter(None, found), Finding(root / "images", text, "", fix, remark=True)]


def _torn(root: Path, pair: tuple[str, str], splits: Splits, group: str, remark: bool) -> Finding | None:
    one, other = ({group_of(key, group) for key in splits[name]} for name in pair)
    if not (shared := sorted(one & other)):
        return None
    found = f"slices of {some([f'{name!r}' for name in shared])} are in {pair[0]}.txt too"
    expected = "each volume and patient on one side of the split, so that no network is evaluated on its training data"
    fix = f"list all slices of one of them in {pair[0]}.txt, or all in {pair[1]}.txt"
    return Finding(root / "splits" / f"{pair[1]}.txt", found, expected, fix, remark=remark)


def kept_apart(one: str, other: str) -> bool:
    """Whether two splits must not share images.

    Their names decide: "train" and "val" must not, "train_aug" may.
    """
    both = any(use in one and use in other for use in (TRAIN, VAL, TEST))
    return not (both or one in other or other in one or ALL in (one, other))


def _overlaps(root: Path, splits: Splits) -> list[Finding]:
    findings = []
    for one, other in combinations(splits, 2):
        shared = sorted({*splits[one]} & {*splits[other]})
        if shared and kept_apart(one, other):
            found = f"{counted(shared)} also in {one}.txt: {some(shared)}"
            fix = f"remove them from {one}.txt or from {other}.txt"
            expected = "splits without a common image, so that no network is evaluated on its training data"
            findings.append(Finding(root / "splits" / f"{other}.txt", found, expected, fix, tuple(shared)))
    return findings
