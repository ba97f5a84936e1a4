"""`weakseg train`: trains a recipe or a data folder."""

import shlex
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from weakseg.commands.options import TrainOptions
from weakseg.errors import RecipeInvalid
from weakseg.files.regular_file import read_text
from weakseg.recipe.default import about_places, about_split, choose
from weakseg.recipe.identity import located
from weakseg.recipe.method import about_method
from weakseg.recipe.python_source import is_own, source
from weakseg.recipe.recipe import Recipe, load_recipe, with_epochs
from weakseg.train.loop import train_recipe


def train_and_show(
    what: str, out: Path, wanted: TrainOptions, resume: bool = False, accept_changes: bool = False
) -> None:
    """Train a recipe or data folder, and print the next commands."""
    console = Console(soft_wrap=True, markup=False)
    recipe, text = _recipe(what, wanted)
    recipe, text = _overridden(recipe, text, wanted.seed, wanted.epochs)
    if said := about_split(recipe):
        console.print(said, highlight=False)
    if Path(what).suffix != ".py":
        # A terminal wraps lines at words; a file keeps each line whole, for grep.
        whole = not console.is_terminal
        if said := about_method(recipe.phases):
            console.print(f"method {said}; choose another with --method", highlight=False, soft_wrap=whole)
        if said := about_places(recipe):
            console.print(said, highlight=False, soft_wrap=whole)
    # A recipe file may import files beside it; written out in full, it can be run again from the run folder alone.
    text = source(located(recipe)) if is_own(recipe) else text
    train_recipe(
        recipe,
        out,
        device=wanted.device,
        resume=resume,
        recipe_text=text,
        console=console,
        accept_changes=accept_changes,
    )
    # Classes of the user's own are built by executing recipe.py, which only the user may order.
    own = "" if is_own(recipe) else f" --recipe {shlex.quote(str(out / 'recipe.py'))}"
    run = f"{shlex.quote(str(out))}{own}"
    judged = f"  weakseg evaluate {run}\n" if recipe.validation is not None else ""
    console.print(f"run: {out}\n{judged}  weakseg report {run}", highlight=False)


def _recipe(what: str, wanted: TrainOptions) -> tuple[Recipe, str]:
    path = Path(what)
    if path.suffix != ".py":
        recipe = choose(what, wanted.network, tuple(wanted.labels or ()) or None, wanted.method)
        return recipe, source(recipe)
    if wanted.network is not None:
        raise RecipeInvalid(f"--network {wanted.network} with a recipe file", fix="set the network in the recipe")
    if wanted.labels:
        fix = f"set them in the recipe: Folder(..., labels={tuple(wanted.labels)!r})"
        raise RecipeInvalid(f"--labels {wanted.labels[0]} with a recipe file", fix=fix)
    if wanted.method is not None:
        raise RecipeInvalid(f"--method {wanted.method} with a recipe file", fix="set the objective in the recipe")
    return load_recipe(path), read_text(path, RecipeInvalid)


def _overridden(recipe: Recipe, text: str, seed: int | None, epochs: int | None) -> tuple[Recipe, str]:
    """The recipe with the command line's settings, and its text.

    The text ends with code that makes the same changes.
    """
    if seed is not None:
        recipe = replace(recipe, seed=seed)
        text += f"\nfrom dataclasses import replace\n\nrecipe = replace(recipe, seed={seed})\n"
    if epochs is not None:
        recipe = with_epochs(recipe, epochs)
        text += f"\nfrom weakseg.recipe.recipe import with_epochs\n\nrecipe = with_epochs(recipe, {epochs})\n"
    return recipe, text
