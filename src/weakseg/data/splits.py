"""Which pictures are for training and which for judging, and what is wrong with that."""

from collections.abc import Collection
from itertools import combinations
from pathlib import Path

from weakseg.data.contents import read_split
from weakseg.data.finding import Finding, counted, findings_of, some
from weakseg.errors import DataInvalid

Splits = dict[str, tuple[str, ...]]
"""Keys by the name of the split; all pictures as "all" where there are no splits."""


def check_splits(root: Path, pictures: Collection[str]) -> tuple[Splits, list[Finding]]:
    """The splits of a folder, as far as they name pictures there are, and what is wrong with their files."""
    files = sorted((root / "splits").glob("*.txt"))
    if not files:
        return {"all": tuple(pictures)}, []
    splits: Splits = {}
    findings: list[Finding] = []
    for file in files:
        try:
            splits[file.stem], problems = read_split(root, file.stem, pictures)
        except DataInvalid as error:
            splits[file.stem], problems = (), [error]
        findings += [f for p in problems for f in findings_of(p, file, "correct the line, or add the picture")]
    findings += _overlaps(root, splits)
    if homeless := sorted(set(pictures).difference(*splits.values())):
        found = f"{counted(homeless, pictures)} in no split: {some(homeless)}"
        mend = "add them to a split, if they are to be used"
        findings.append(Finding(root / "splits", found, "", mend, tuple(homeless), remark=True))
    return splits, findings


def kept_apart(one: str, other: str) -> bool:
    """Whether two splits must not share pictures, by their names: "train" and "val" must not, "train_aug" may."""
    both = any(use in one and use in other for use in ("train", "val", "test"))
    return not (both or one in other or other in one or "all" in (one, other))


def _overlaps(root: Path, splits: Splits) -> list[Finding]:
    findings = []
    for one, other in combinations(splits, 2):
        shared = sorted({*splits[one]} & {*splits[other]})
        if shared and kept_apart(one, other):
            found = f"{counted(shared)} also in {one}.txt: {some(shared)}"
            mend = f"take them out of {one}.txt or of {other}.txt"
            expected = "splits without a common picture, so that no network is judged by what it has learnt from"
            findings.append(Finding(root / "splits" / f"{other}.txt", found, expected, mend, tuple(shared)))
    return findings
