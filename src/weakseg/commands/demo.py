"""`weakseg demo`: full masks against scribbles, under one schedule.

On generated scenes or on the user's folder.
"""

from dataclasses import replace
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.table import Table

from weakseg.console.duration import duration
from weakseg.console.progress_bar import bar
from weakseg.data.augment import Augment
from weakseg.data.fold import Fold
from weakseg.data.folder.folder import Folder
from weakseg.data.sample import Dataset
from weakseg.data.scenes import Scenes
from weakseg.data.simulate.annotators import Scribbles, Simulated, Tags
from weakseg.errors import NetworkUnavailable, RunInvalid
from weakseg.evaluation.scores import Scores
from weakseg.losses.objectives import Fit
from weakseg.networks.unet import UNet
from weakseg.recipe.default import choose
from weakseg.recipe.method import methods
from weakseg.recipe.recipe import Phase, Recipe, steps_per_epoch, with_epochs
from weakseg.report.page import write_report
from weakseg.runs.scores import evaluation
from weakseg.runs.unused import is_unused
from weakseg.solvers.seeds_only import SeedsOnly
from weakseg.train import engine
from weakseg.train.before_training import seconds_per_step
from weakseg.train.loop import train_recipe

_BUDGET_S = 440.0
"""Training time of all networks on the user's folder; the rest of ten minutes is for evaluation."""
_SCENES_S = 240.0
"""Training time of the three networks on generated scenes."""


def demo_and_show(out: Path | None, data: str | None, epochs: int | None) -> None:
    """Train with both supervisions, print the scores, write a report."""
    console = Console(soft_wrap=True)
    out = _free(Path("runs/demo")) if out is None else out
    if not is_unused(out):
        raise RunInvalid(f"{out} exists", fix="choose another --out")
    recipes = _on_scenes() if data is None else _on_folder(data, console)
    if epochs is None:
        recipes = _affordable(recipes, _SCENES_S if data is None else _BUDGET_S, console)
    runs = []
    for name, recipe in recipes.items():
        console.print(f"\n[bold]{name}[/bold]", highlight=False)
        recipe = recipe if epochs is None else with_epochs(recipe, epochs)
        runs.append(train_recipe(recipe, out / name.replace(" ", "_"), console=console))
    scores = {}
    for name, run in zip(recipes, runs, strict=True):
        if recipes[name].validation is not None:
            with bar(f"evaluating {name}") as progress:
                scores[name] = evaluation(run, progress=progress)
    if scores:
        _show(scores, console)
    else:
        console.print("There are no masks to compute scores from; see the images in the report.")
    page = out / "report.html"
    write_report(runs, page)
    console.print(f"report: {page}", highlight=False, markup=False)


def _free(path: Path) -> Path:
    """The first of path, path-2, path-3 ... not in use."""
    names = (path if i == 1 else path.with_name(f"{path.name}-{i}") for i in count(1))
    return next(name for name in names if not name.exists())


def _on_scenes() -> dict[str, Recipe]:
    """Recipes for full masks, scribbles, and the joint method.

    All have the same network, images and schedule; the last is what `weakseg train` does.
    """
    images = Scenes(count=200, seed=0)
    full = Recipe(
        training=images,
        validation=Scenes(count=60, seed=1),
        network=UNet(width=16),
        phases=(Phase(Fit(SeedsOnly()), epochs=24, learning_rate=4e-3),),
        augment=Augment(crop=(96, 128), zoom=(0.8, 1.25)),
        validate_every=8,
    )
    weak = replace(full, training=Simulated(images, (Scribbles(), Tags())))
    joint = methods(None, drawn=True, everything=False, classes=len(images.classes))["joint"]
    ours = replace(weak, phases=joint.phases(weak.phases[0]))
    return {"full supervision": full, "partial cross entropy": weak, "joint": ours}


def _on_folder(data: str, console: Console) -> dict[str, Recipe]:
    """Recipes for the drawn labels and, if complete, the masks."""
    weak = choose(data)
    try:
        weak.network.build(weak.training[0].image.shape[0], len(weak.training.classes))
    except NetworkUnavailable as error:
        console.print(f"{error.found}\nTraining a small U-Net from scratch instead.", highlight=False, markup=False)
        weak = choose(data, "unet")
    recipes = {"drawn labels": weak}
    if all(weak.training[i].truth is not None for i in range(len(weak.training))):
        recipes["full supervision"] = replace(weak, training=_with_masks(weak.training))
    return recipes


def _affordable(recipes: dict[str, Recipe], budget_s: float, console: Console) -> dict[str, Recipe]:
    """The recipes, shortened to fit the time budget.

    The time of a step is measured on this machine; a shortening is reported.
    """
    first = next(iter(recipes.values()))
    steps = steps_per_epoch(len(first.training), first.batch_size, first.least_steps)
    seconds = sum(map(_seconds_per_step, recipes.values())) / len(recipes)
    epochs = max(min(first.epochs, int(budget_s / (len(recipes) * steps * seconds))), 1)
    if epochs == first.epochs:
        return recipes
    took = duration(epochs * steps * seconds * len(recipes))
    few = (
        " So few epochs show that everything works, but not which method is better."
        if epochs < first.epochs / 2
        else ""
    )
    console.print(
        f"A step takes {seconds:.2g} s on this machine at present, so training is shortened from {first.epochs} epochs "
        f"to {epochs}, about {took} in all; scores are lower than after all (--epochs {first.epochs}).{few}",
        highlight=False,
    )
    return {name: with_epochs(recipe, epochs) for name, recipe in recipes.items()}


def _seconds_per_step(recipe: Recipe) -> float:
    network = recipe.network.build(recipe.training[0].image.shape[0], len(recipe.training.classes))
    accelerator = engine.start(None, recipe.bf16)
    return sum(seconds_per_step(recipe, p, network, accelerator) * p.epochs / recipe.epochs for p in recipe.phases)


def _with_masks(training: Dataset) -> Dataset:
    """The same images, trained on their masks."""
    if isinstance(training, Fold):
        return replace(training, samples=_with_masks(training.samples))
    assert isinstance(training, Folder), "a data folder is a Folder or a part of one"
    return replace(training, labels=("masks",))


def _show(scores: dict[str, Scores], console: Console) -> None:
    table = Table("method", "mIoU", "pixel accuracy")
    for name, found in scores.items():
        table.add_row(name, f"{found.mean_iou():.3f}", f"{found.pixel_accuracy():.3f}")
    console.print(table)
