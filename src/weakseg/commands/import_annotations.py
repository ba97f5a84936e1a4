"""`weakseg import`: a data folder from an annotation tool's files."""

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from weakseg.annotations.account import SHOWN, left_out, never_drawn, tags_of
from weakseg.console.duration import counted
from weakseg.console.progress_bar import bar
from weakseg.data.imports.import_marks import Imported, import_marks
from weakseg.errors import DataInvalid
from weakseg.finding import some
from weakseg.marks.mark import KINDS
from weakseg.marks.uses import Uses


def import_and_show(
    sources: Sequence[Path], images: Path, into: Path, names: Sequence[str], becomes: Sequence[str], as_json: bool
) -> None:
    """Make a data folder, and print what became of every mark."""
    uses = uses_of(names, becomes)
    with bar("importing") as progress:
        made = import_marks(sources, images, into, uses, progress)
    if as_json:
        print(json.dumps(_for_scripts(made)))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(made))
    for line in (*_sentences(made), f"{into} is ready. Look at it next:"):
        console.print(Text(line))
    folder = shlex.quote(str(into))
    console.print(Text(f"  weakseg check {folder} --html check.html\n  weakseg train {folder} --out runs/first"))


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


def _table(made: Imported) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("class", "drawn as", "became"):
        table.add_column(heading, overflow="fold")
    table.add_column("marks", justify="right")
    for (label, kind, use), count in sorted(made.became.items()):
        table.add_row(Text(label), kind.replace("_", " "), use, f"{count:,}")
    return table


def _sentences(made: Imported) -> Iterator[str]:
    """What a person has to know, one sentence each."""
    found = made.matched
    yield from found.annotations.notes
    yield f"{counted(len(found.images), 'image')} with annotations, {len(made.without_marks):,} without."
    tagged = tags_of(found)
    if tagged:
        yield "Tags: " + ", ".join(f"{name} on {counted(count, 'image')}" for name, count in tagged.most_common()) + "."
    yield from left_out(found)
    if never := never_drawn(found, made.uses):
        advice = f"if that is no class of pixels, import again with --name {shlex.quote(never[0])}=ignore"
        yield f"Nothing is drawn as {some(never)}: {advice}."
    for problem in made.problems[:SHOWN]:
        yield f"Not as drawn: {problem.found}" + f" (to do: {problem.fix})" * bool(problem.fix)
    if len(made.problems) > SHOWN:
        yield f"{len(made.problems) - SHOWN} more marks are not as drawn: --json lists all of them."


def _for_scripts(made: Imported) -> dict:
    found = made.matched
    return {
        "classes": made.classes,
        "marks": [{"class": c, "kind": k, "became": u, "count": n} for (c, k, u), n in sorted(made.became.items())],
        "images": len(found.images),
        "images_without_marks": made.without_marks,
        "marks_without_image": {image.name: len(image.marks) for image in found.without_image},
        "ignored": [{"place": e.place, "kind": e.kind, "reason": e.reason} for e in found.annotations.ignored],
        "not_as_drawn": [problem.found for problem in made.problems],
        "notes": found.annotations.notes,
    }
