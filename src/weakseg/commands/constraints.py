"""`weakseg constraints`: size constraints proposed from known sizes.

It also reports how many of the known masks satisfy each constraint.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import groupby

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from weakseg.console.progress_bar import bar
from weakseg.constraint_choice.accuracy import Satisfied, satisfied, truly_labelled
from weakseg.constraint_choice.propose import PRICE, Sizes, known_sizes, propose
from weakseg.constraints.class_shares import ClassShares
from weakseg.constraints.linear_rows import All, Constraint
from weakseg.constraints.paper import code_one_bit_sizes, paper_boxes, paper_one_bit_sizes, paper_tags
from weakseg.constraints.sizes import SizesWithin
from weakseg.constraints.tags import UntaggedClassesAbsent
from weakseg.data.folder.contents import is_listed, list_files
from weakseg.data.folder.declaration import read_declaration
from weakseg.data.folder.folder import Folder
from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.recipe.python_source import imports
from weakseg.types import Classes

SOURCES = ("masks", "sizes.csv")
"""Files of a data folder that contain sizes."""
FEW = 8
"""Number of classes up to which weights are written out."""


def propose_and_show(data: str, split: str | None, told: tuple[str, ...], tail: float) -> None:
    """Print constraints for a recipe, and how often each holds.

    The constraints of the paper are judged on the same masks, for comparison.
    """
    folder, console = _folder(data, split), Console(highlight=False, soft_wrap=True)
    with bar("reading sizes") as moved:
        known = known_sizes(_each(folder, moved), folder.classes)
    masks = _masks(folder)
    # Sizes on the command line replace those of the data; a mixture would be of neither.
    sizes = _given(told, folder.classes) if told else known
    if np.isnan(sizes).all():
        raise DataInvalid(
            f"no image of {data}, {folder.split}, has a mask or a size",
            expected="masks/ or sizes.csv in the folder, or --size on the command line",
            fix="draw some full masks, fill sizes.csv (image,class,min,max), or give --size CLASS=FRACTION twice",
        )
    rules = (UntaggedClassesAbsent(), *propose(sizes, folder.classes.background, tail))
    own = (SizesWithin(PRICE),) if (folder.root / "sizes.csv").is_file() else ()
    from_data = f"{sum(not np.isnan(image).all() for image in known)} of {len(folder)} images of {folder.path}"
    source = f"{len(told)} sizes on the command line" if told else f"{from_data}, {folder.split}"
    console.print(Text(f"# From {source}; {masks} images have a mask.{_unsized(sizes, folder.classes)}\n"))
    console.print(Text(as_code((*rules, *own), folder.classes)), soft_wrap=True)
    if not masks:
        console.print("No image has a mask, so it cannot be checked how often these constraints hold.")
        return
    with bar("checking constraints") as moved:
        show_satisfied(_judged(rules, own, folder, moved), folder.classes, masks, console)


def as_code(rules: tuple[Constraint, ...], classes: Classes) -> str:
    """Python code of the constraints, to be pasted into a recipe.

    A constraint on one class is followed by a comment with its name.
    """
    lines = [f"        {_as_code(rule)},{_comment(rule, classes)}" for rule in rules]
    return "\n".join([*imports(All(rules)), "", "constraint = All(", "    (", *lines, "    )", ")", ""])


def _as_code(rule: Constraint) -> str:
    """The constraint's `repr`, with many weights abbreviated.

    Weights of many classes become a sum of tuples, which is readable.
    """
    if not isinstance(rule, ClassShares) or len(rule.weights) < FEW:
        return repr(rule)
    runs = [(weight, len([*same])) for weight, same in groupby(rule.weights)]
    short = " + ".join(f"({weight},) * {length}" if length > 1 else f"({weight},)" for weight, length in runs)
    return repr(rule).replace(repr(rule.weights), short)


def show_satisfied(
    judged: dict[str, list[tuple[Constraint, Satisfied]]], classes: Classes, masks: int, console: Console
) -> None:
    """Print how many masks satisfy each constraint, in groups."""
    table = Table(title=Text(f"of {masks} known masks"), title_justify="left", box=SIMPLE_HEAD)
    table.add_column("constraint")
    for name in ("images\nconstrained", "masks that\nsatisfy it", "bounds", "bounds\nsatisfied"):
        table.add_column(name, justify="right")
    for title, rules in judged.items():
        table.add_row(Text(title, "bold"))
        for rule, found in rules:
            obeying, obeyed = _percent(found.obeying, found.images), _percent(found.obeyed, found.demands)
            numbers = (str(found.images), obeying, str(found.demands), obeyed)
            table.add_row(Text(f"  {in_words(rule, classes)}"), *numbers)
    console.print(table)
    console.print(
        "Tags, boxes and sizes come from the masks, so what is missing to 100 % is the constraints' own error."
    )


def in_words(rule: Constraint, classes: Classes) -> str:
    """A constraint's name, class and numbers, without the price."""
    if isinstance(rule, All):
        return "all together"
    values = [getattr(rule, f.name) for f in fields(rule) if f.name != "price"]  # pyright: ignore
    numbers = ", ".join(f"{value:.3g}" for value in values if isinstance(value, float))
    about = f" of {_class_of(rule, classes)}" if isinstance(rule, ClassShares) else ""
    return f"{type(rule).__name__}{about} {numbers}".strip()


def _folder(data: str, split: str | None) -> Folder:
    """The images of a split, with known masks and sizes."""
    root = Folder(data, "all").root
    usual = "train" if is_listed(root, "train") else "all"
    # `weakseg new` creates an empty masks/, which is no source.
    sources = tuple(name for name in SOURCES if (root / name).is_file() or any((root / name).glob("*")))
    return Folder(data, split or usual, labels=sources)


def _each(folder: Folder, moved: Callable[[int, int], None]) -> Iterator[Sample]:
    for index in range(len(folder)):
        yield folder[index]
        moved(index + 1, len(folder))


def _masks(folder: Folder) -> int:
    """The number of images with a mask."""
    there = (
        list_files(folder.root / "masks", [], read_declaration(folder.root).nested)
        if (folder.root / "masks").is_dir()
        else {}
    )
    return len({*folder.keys} & {*there})


def _given(told: tuple[str, ...], classes: Classes) -> Sizes:
    """Sizes from the command line, one image each.

    Nothing else is known of such an image; one more image, of which nothing is known, is added.

    Raises:
        RecipeInvalid: names every invalid size, and every class with a single size.
    """
    sizes, wrong = np.full((len(told) + 1, len(classes), 2), np.nan), []
    for row, words in enumerate(told):
        name, _, number = words.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = np.nan
        if name not in classes.names:
            wrong.append(f"--size {words}: no class is called '{name}'; the classes are {', '.join(classes.names)}")
        elif not 0 < share <= 1:
            wrong.append(f"--size {words}: '{number}' is not a fraction of the image, above 0 and up to 1")
        else:
            sizes[row, classes.names.index(name)] = share
    # A mistyped size is missing from its class, so counts are checked only without such mistakes.
    for k, name in enumerate(() if wrong else classes.names):
        if len({*sizes[~np.isnan(sizes[:, k, 0]), k, 0]}) == 1:
            wrong.append(f"one size of {name} does not show how its sizes vary")
    if wrong:
        fix = "give the smallest and the largest known size of each class: --size CLASS=0.03 --size CLASS=0.12"
        raise RecipeInvalid(
            "; ".join(wrong), expected="at least two sizes of each class, as fractions of the image", fix=fix
        )
    return sizes


def _unsized(sizes: Sizes, classes: Classes) -> str:
    """A warning if constraints on all classes rest on a few."""
    things = {k: name for k, name in enumerate(classes.names) if k != classes.background}
    sized = [name for k, name in things.items() if not np.isnan(sizes[:, k]).all()]
    if not sized or len(sized) == len(things):
        return ""
    names = ", ".join(sized)
    return f"\n# TaggedClassesPresent and LargeOrSmall apply to every class, but rest on sizes of {names} only."


def _judged(
    rules: tuple[Constraint, ...], own: tuple[Constraint, ...], folder: Folder, moved: Callable[[int, int], None]
) -> dict[str, list[tuple[Constraint, Satisfied]]]:
    """Every constraint with the number of masks that satisfy it."""
    background = folder.classes.background
    groups: dict[str, tuple[Constraint, ...]] = {"proposed": (*rules, All(rules))}
    for setting in (paper_tags, paper_one_bit_sizes, code_one_bit_sizes):
        made = setting(background)
        groups[f"{setting.__name__}({background})"] = (*made.constraints, made)
    groups["paper_boxes()"] = (*paper_boxes().constraints, paper_boxes())
    # Settings share constraints, which are judged once.
    every = list(dict.fromkeys(rule for group in groups.values() for rule in group))
    known = (truly_labelled(sample, folder.classes) for sample in _each(folder, moved) if sample.truth is not None)
    found = dict(zip(every, satisfied(every, known), strict=True))
    judged = {title: [(rule, found[rule]) for rule in group] for title, group in groups.items()}
    if own:
        judged["sizes.csv as it is"] = list(zip(own, satisfied(own, _each(folder, moved)), strict=True))
    return judged


def _comment(rule: Constraint, classes: Classes) -> str:
    return f"  # {_class_of(rule, classes)}" if isinstance(rule, ClassShares) else ""


def _class_of(rule: ClassShares, classes: Classes) -> str:
    return " and ".join(name for name, weight in zip(classes.names, rule.weights, strict=True) if weight)


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"
