"""`weakseg check`: the problems and statistics of a data folder."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from weakseg.commands.imports.marks import account_for_scripts, table_of_marks
from weakseg.console.progress_bar import bar
from weakseg.data.check.check import Checked, check
from weakseg.data.inventory.statistics import LabelCounts, Statistics
from weakseg.finding import Finding
from weakseg.report.check_page import write_check_page
from weakseg.report.html import require_free

MOST_CLASSES = 300
"""Most rows of a table; with more classes, those without any label are left out."""

MOST_ALIKE = 4
"""Most findings with the same fix that a terminal shows; a file or pipe receives all."""


def check_and_show(data: str, html: Path | None, as_json: bool = False) -> bool:
    """Check a data folder, and print or write the results.

    True if something must be fixed.
    """
    if html is not None:
        require_free(html)
    with bar("checking") as progress:
        checked = check(data, progress)
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        # One object and nothing else: a script reads standard output as a whole.
        print(json.dumps(_for_scripts(checked)))
    else:
        if checked.account is not None:
            console.print(table_of_marks(checked.account))
        show_statistics(checked.statistics, console)
        show_findings(checked, console)
    if html is not None:
        write_check_page(
            checked.samples,
            checked.findings,
            checked.statistics,
            html,
            f"Check of {data}",
            checked.account,
            checked.annotated,
        )
        if not as_json:
            console.print(Text(f"page: {html}"))
    return checked.refused


def _for_scripts(checked: Checked) -> dict[str, Any]:
    """The findings, as a JSON object."""
    names = ("found", "expected", "fix", "remark")
    found = [{"file": str(each.file), **{name: getattr(each, name) for name in names}} for each in checked.findings]
    told = {"refused": checked.refused, "classes": checked.statistics.classes.names, "findings": found}
    if checked.account is None or checked.annotated is None:
        return told
    return told | {"annotations": account_for_scripts(checked.account, checked.annotated.found)}


def show_statistics(statistics: Statistics, console: Console) -> None:
    """Print the statistics of each label source, by class and split."""
    saying = {source: splits for source, splits in statistics.counts.items() if any(map(_says, splits.values()))}
    # `weakseg new` creates empty folders and tables: they are shown only if nothing else is there.
    for source, by_split in (saying or statistics.counts).items():
        splits = {name: counts for name, counts in by_split.items() if counts.images}
        for table in _tables(source, splits, statistics.classes.names, console):
            console.print(table)
        for name, counts in splits.items():
            console.print(Text(f"{name}: {_summary(counts)}"))
        console.print()


def _says(counts: LabelCounts) -> bool:
    return any(numbers.any() for numbers in _numbers(counts))


def _numbers(counts: LabelCounts) -> tuple[np.ndarray, ...]:
    """The counts of labels, per class."""
    return counts.marked_pixels, counts.tagged_images, counts.boxes, counts.sized_images


def _tables(source: str, splits: dict[str, LabelCounts], names: tuple[str, ...], console: Console) -> Iterator[Table]:
    """One table for all splits, or several narrower ones."""
    together = _table(source, splits, names)
    # Without a wider limit, rich would cap the measured width at that of the console.
    needed = Measurement.get(console, console.options.update(max_width=10_000), together).maximum
    if len(splits) < 2 or needed <= console.width:
        yield together
        return
    for name, counts in splits.items():
        yield _table(source, {name: counts}, names)


def _table(source: str, splits: dict[str, LabelCounts], names: tuple[str, ...]) -> Table:
    """Label counts with one row per class.

    Of very many classes, only those with a label have a row; of each split, only columns with a number are shown.
    """
    table = Table(title=Text(source), title_justify="left", box=SIMPLE_HEAD)
    table.add_column("class", overflow="fold")
    columns = []
    for split, counts in splits.items():
        for title, cells in _columns(counts, tables=source in ("tables", "annotations")).items():
            table.add_column(Text(f"{split}\n{title}"), justify="right", no_wrap=True)
            columns.append(cells)
    rows = [*zip(names, *columns, strict=True)]
    if len(names) > MOST_CLASSES:
        said = np.any([_numbers(counts) for counts in splits.values()], axis=(0, 1))
        rows = [rows[index] for index in np.flatnonzero(said)[:MOST_CLASSES]]
        table.caption = Text(f"and {len(names) - len(rows):,} more classes, {(~said).sum():,} of them without a label")
    for name, *cells in rows:
        table.add_row(Text(name), *cells)
    return table


def _columns(counts: LabelCounts, tables: bool) -> dict[str, list[str]]:
    """The cells of each column, by title.

    Tables have columns only for the labels that they contain.
    """
    pixels = counts.marked_pixels
    said = {
        "images": counts.marked_images.astype(str).tolist(),
        "pixels": [_short(number) for number in pixels.tolist()],
        "share": [f"{share:.1%}" for share in pixels / max(pixels.sum(), 1)],
    }
    if not tables:
        return said
    rows = {"tagged": counts.tagged_images, "boxes": counts.boxes, "sized": counts.sized_images}
    clicked = said if pixels.any() else {}
    return clicked | {title: values.astype(str).tolist() for title, values in rows.items() if values.any()}


def _short(number: int) -> str:
    """A number to three figures: 986, 15.9k, 14.2M."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            # From 999.5 on, three figures would read 1e+03.
            return f"{number / size:.3g}{letter}" if number < 999.5 * size else f"{number / size:.0f}{letter}"
    return str(number)


def _summary(counts: LabelCounts) -> str:
    parts = [f"{counts.images} images"]
    # Tags, boxes and sizes label no pixels, and are not meant to.
    drawn = counts.marked_pixels.any() or not _says(counts)
    if counts.unmarked and drawn:
        parts.append(f"{counts.unmarked} of them without a label")
    if drawn:
        parts.append(f"{100 * counts.labelled_share:.3g} % of the valid pixels labelled")
    if counts.void_share:
        parts.append(f"{100 * counts.void_share:.3g} % void")
    if counts.imbalance > 1:
        parts.append(f"largest class / smallest class {counts.imbalance:.3g}")
    return ", ".join(parts)


def show_findings(checked: Checked, console: Console) -> None:
    """Print remarks, then problems, then the verdict."""
    # Remarks come first and problems last, where the eye is when a long list ends.
    faults = [finding for finding in checked.findings if not finding.remark]
    remarks = [finding for finding in checked.findings if finding.remark]
    for title, findings in (("Worth knowing", remarks), ("To fix", faults)):
        if findings:
            console.print(f"[bold]{title}[/bold]\n")
            _print_alike(findings, console)
    if faults:
        verdict = f"{len(faults)} finding{'s' * (len(faults) > 1)} to fix before training on this data."
        hint = " For the full list: weakseg check DATA > FILE" * _cut(faults, console)
        console.print(f"[bold red]{verdict}[/bold red]{hint}")
    else:
        console.print("[bold green]No problems were found.[/bold green]")


def _alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings grouped by folder and fix, in order of appearance."""
    groups: dict[tuple[Path, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.file.parent, finding.fix), []).append(finding)
    return list(groups.values())


def _cut(findings: Sequence[Finding], console: Console) -> bool:
    """Whether some findings are not printed.

    A thousand of one kind must not hide the only one of another.
    """
    return console.is_terminal and any(len(group) > MOST_ALIKE + 1 for group in _alike(findings))


def _print_alike(findings: Sequence[Finding], console: Console) -> None:
    for group in _alike(findings):
        shown = group[:MOST_ALIKE] if _cut(group, console) else group
        for finding in shown:
            console.print(Text(str(finding.file), "bold"))
            console.print(Text(f"  {finding.found}"))
            if finding.expected:
                console.print(Text(f"  expected: {finding.expected}"))
        if len(shown) < len(group):
            console.print(Text(f"and {len(group) - len(shown)} more like these in {group[0].file.parent}"))
        console.print(Text(f"  to do: {group[0].fix}\n"))
