"""What became of the marks of annotation files, for a terminal and for scripts."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from weakseg.annotations.account import Account
from weakseg.annotations.matched import Matched


def table_of_marks(account: Account) -> Table:
    """The number of marks by class, kind and use."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("class", "drawn as", "became"):
        table.add_column(heading, overflow="fold")
    table.add_column("marks", justify="right")
    for (label, kind, use), count in sorted(account.became.items()):
        table.add_row(Text(label), kind.replace("_", " "), use, f"{count:,}")
    return table


def account_for_scripts(account: Account, found: Matched) -> dict[str, Any]:
    """The account as JSON, with every ignored mark by its place."""
    marks = sorted(account.became.items())
    return {
        "marks": [{"class": c, "kind": k, "became": u, "count": n} for (c, k, u), n in marks],
        "images": account.images,
        "images_without_marks": account.without_marks,
        "marks_without_image": dict(account.without_image),
        "unknown_classes": dict(account.unknown),
        "ignored": [{"place": e.place, "kind": e.kind, "reason": e.reason} for e in found.annotations.ignored],
        "notes": account.notes,
    }
