"""The check of a data folder before training."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from weakseg.annotations.account import Account, account_of
from weakseg.data.check.many import look_at_all
from weakseg.data.check.units import findings_of_units
from weakseg.data.check.whole_set import findings_of_all
from weakseg.data.folder.annotated import Annotated
from weakseg.data.folder.contents import Contents
from weakseg.data.folder.folder import find, read_sample
from weakseg.data.folder.splits import Splits, check_splits, findings_of_volumes
from weakseg.data.inventory.inventory import Inventory, take_inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.data.inventory.statistics import LabelCounts, Statistics, total
from weakseg.data.sample import Dataset, Sample
from weakseg.finding import Finding
from weakseg.types import Classes


@dataclass(frozen=True)
class Readable:
    """The images of a data folder that can be read.

    Those with findings come first.
    """

    contents: Contents
    keys: tuple[str, ...]

    @property
    def classes(self) -> Classes:
        """The classes, after merging."""
        return self.contents.legend.classes

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Sample:
        return read_sample(self.contents, self.keys[index])


@dataclass(frozen=True)
class Checked:
    """The findings and statistics of a check."""

    findings: tuple[Finding, ...]
    """All findings, remarks last."""
    statistics: Statistics
    samples: Dataset
    account: Account | None = None
    """What became of the marks of annotation files, where `dataset.toml` names any."""
    annotated: Annotated | None = None
    """These files."""

    @property
    def refused(self) -> bool:
        """Whether something must be fixed before training."""
        return any(not finding.remark for finding in self.findings)


def check(path: str, progress: Callable[[int, int], None] = lambda done, of: None) -> Checked:
    """Check every file of a data folder, and collect all problems.

    Args:
        path: a folder, or the name of one under $WEAKSEG_DATA.
        progress: called with the number of finished images and the total.

    Raises:
        DataInvalid: there is no such folder; everything else is a finding.
    """
    inventory, findings = take_inventory(find(path))
    images, classes = inventory.contents.images, inventory.contents.legend.classes
    splits, wrong = check_splits(inventory.root, images) if images else ({}, [])
    looks = look_at_all(inventory, progress)
    wrong += findings_of_volumes(inventory.root, inventory.contents.legend.declaration.volume, tuple(images), splits)
    findings += [*wrong, *(finding for each in looks.values() for finding in each.findings)]
    units = findings_of_units(inventory, looks)
    # In a table of the wrong unit, findings about single rows would only mislead.
    strange = {unit.file.name for unit in units}
    looks = {key: replace(each, labelled=True) for key, each in looks.items()} if units else looks
    findings = [*units, *(f for f in findings if strange.isdisjoint((f.file.name, *f.found.split())))]
    findings += findings_of_all(inventory, looks, splits)
    told = {key for finding in findings if not finding.remark for key in finding.keys}
    readable = [key for key, each in looks.items() if each.readable and inventory.judged]
    return Checked(
        findings=tuple(sorted(findings, key=lambda finding: finding.remark)),
        statistics=Statistics(classes, _counted(looks, splits, classes)),
        samples=Readable(inventory.contents, tuple(sorted(readable, key=lambda key: key not in told))),
        account=_account(inventory, looks),
        annotated=inventory.contents.annotated,
    )


def _account(inventory: Inventory, looks: Looks) -> Account | None:
    annotated = inventory.contents.annotated
    if annotated is None:
        return None
    became: Counter[tuple[str, str, str]] = sum((each.became for each in looks.values()), Counter())
    account = account_of(annotated.found, inventory.contents.images)
    return replace(account, became=became, unknown=tuple(annotated.unknown.items()))


def _counted(looks: Looks, splits: Splits, classes: Classes) -> dict[str, dict[str, LabelCounts]]:
    """The label counts of every source, by split."""
    sources = dict.fromkeys(source for each in looks.values() for source in each.counts)
    return {
        source: {
            split: total([looks[key].counts[source] for key in keys if source in looks[key].counts], classes)
            for split, keys in splits.items()
        }
        for source in sources
    }
