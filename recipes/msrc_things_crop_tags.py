"""Random crops, each tagged anew from its mask: the paper's table 3, and more supervision than tags of images."""

from dataclasses import replace
from pathlib import Path

from weakseg.papers import CropTagsFromTruth
from weakseg.recipe.recipe import load_recipe

folder = Path(__file__).parent
full, tags = (load_recipe(folder / f"msrc_things_{name}.py") for name in ("full", "tags"))
recipe = replace(tags, augment=CropTagsFromTruth(full.augment))
