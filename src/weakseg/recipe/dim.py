"""Warnings of images that use little of their range."""

import numpy as np
from rich.console import Console

from weakseg.data.check.ranges import dim_samples
from weakseg.data.folder.folder import folder_of
from weakseg.recipe.recipe import Recipe

_LOOKED_AT = 12


def warn_of_dim_images(recipe: Recipe, console: Console) -> None:
    """Print what `weakseg check` finds of dim images.

    It is no error: a recipe may have its reasons, and old runs must resume as they were.
    """
    training, folder = recipe.training, folder_of(recipe.training)
    if folder is None or console.quiet:
        return
    few = [training[int(i)] for i in np.unique(np.linspace(0, len(training) - 1, _LOOKED_AT).round())]
    for problem in dim_samples(few, folder.declared.range):
        console.print(f"{folder.root}: {problem.found}\nto do: {problem.fix}", highlight=False)
