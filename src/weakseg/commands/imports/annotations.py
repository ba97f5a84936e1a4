"""`weakseg import`: a data folder from an annotation tool's files."""

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from weakseg.annotations.account import SHOWN, never_drawn
from weakseg.commands.imports.marks import account_for_scripts, table_of_marks
from weakseg.commands.imports.volumes import import_volumes_and_show, is_of_volumes
from weakseg.console.duration import counted
from weakseg.console.progress_bar import bar
from weakseg.data.check.check import check
from weakseg.data.folder.annotated import Annotated
from weakseg.data.folder.declaration import Declaration
from weakseg.data.folder.legend import read_legend
from weakseg.data.imports.import_marks import Imported, import_marks
from weakseg.errors import DataInvalid
from weakseg.finding import some
from weakseg.marks.mark import KINDS
from weakseg.marks.uses import Uses
from weakseg.report.check_page import write_check_page
from weakseg.report.html import require_free


def import_and_show(
    sources: Sequence[Path],
    images: Path,
    into: Path,
    uses: Uses,
    html: Path | None,
    as_json: bool,
    plane: str | None = None,
) -> None:
    """Make a data folder, and print what became of every mark."""
    if is_of_volumes(images):
        import_volumes_and_show(sources, images, into, uses, plane, as_json)
        return
    if plane is not None:
        raise DataInvalid(f"--plane {plane}", expected="a folder of volumes for --images", fix="leave it out")
    if html is not None:
        require_free(html)
    with bar("importing") as progress:
        made = import_marks(sources, images, into, uses, progress)
    if html is not None:
        _write_page(sources, into, made, html)
    if as_json:
        print(json.dumps(_for_scripts(made)))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(table_of_marks(made.account))
    for line in (*_sentences(made), f"{into} is ready. Look at it next:"):
        console.print(Text(line))
    folder = shlex.quote(str(into))
    console.print(Text(f"  weakseg check {folder} --html check.html\n  weakseg train {folder} --out runs/first"))


def _write_page(sources: Sequence[Path], into: Path, made: Imported, html: Path) -> None:
    """The page of a check, with the marks as they were drawn."""
    checked, uses = check(str(into)), made.uses
    kinds = tuple(("", kind, getattr(uses, kind)) for kind in KINDS)
    declaration = Declaration(classes=made.classes, marks=(*kinds, *uses.exceptions), names=uses.names)
    annotated = Annotated(sources[0], made.matched, read_legend(into, declaration))
    title = f"Import of {', '.join(map(str, sources[:3]))}"
    write_check_page(checked.samples, checked.findings, checked.statistics, html, title, made.account, annotated)


def uses_of(names: Sequence[str], becomes: Sequence[str]) -> Uses:
    """What marks become, from the words of the command line.

    Args:
        names: NAME=CLASS, or NAME=ignore.
        becomes: KIND=USE, or CLASS:KIND=USE.

    Raises:
        DataInvalid: a word has another form, or a kind cannot become that.
    """
    kinds, exceptions = {}, []
    for word in becomes:
        which, equals, use = word.rpartition("=")
        label, colon, kind = which.rpartition(":")
        if not equals or kind not in KINDS:
            expected = f"KIND=USE or CLASS:KIND=USE, with a kind of {', '.join(KINDS)}"
            raise DataInvalid(f"--as {word}", expected=expected, fix="for example --as polygon=box")
        if colon:
            exceptions.append((label, kind, use))
        else:
            kinds[kind] = use
    pairs = [word.rpartition("=") for word in names]
    if wrong := [word for word, (name, _, label) in zip(names, pairs, strict=True) if not (name and label)]:
        raise DataInvalid(f"--name {wrong[0]}", expected="NAME=CLASS, or NAME=ignore", fix="--name Hund=dog")
    renamed = tuple((name, label) for name, _, label in pairs)
    return Uses(**kinds, exceptions=tuple(exceptions), names=renamed)


def _sentences(made: Imported) -> Iterator[str]:
    """What a person has to know, one sentence each."""
    account = made.account
    yield from account.notes
    yield f"{counted(account.images, 'image')} with annotations, {len(account.without_marks):,} without."
    if account.tags:
        each = (f"{name} on {counted(count, 'image')}" for name, count in account.tags.most_common())
        yield f"Tags: {', '.join(each)}."
    yield from account.left_out()
    if never := never_drawn(made.matched, made.uses):
        advice = f"if that is no class of pixels, import again with --name {shlex.quote(never[0])}=ignore"
        yield f"Nothing is drawn as {some(never)}: {advice}."
    for problem in made.problems[:SHOWN]:
        yield f"Not as drawn: {problem.found}" + f" (to do: {problem.fix})" * bool(problem.fix)
    if len(made.problems) > SHOWN:
        yield f"{len(made.problems) - SHOWN} more marks are not as drawn: --json lists all of them."


def _for_scripts(made: Imported) -> dict[str, Any]:
    told = account_for_scripts(made.account, made.matched)
    return {"classes": made.classes, **told, "not_as_drawn": [problem.found for problem in made.problems]}
