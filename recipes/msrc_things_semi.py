"""Tags, and the masks of three images of each thing; every image counts alike."""

from dataclasses import replace
from pathlib import Path

from weakseg.datasets import SomeMasks
from weakseg.recipe.recipe import load_recipe

tags = load_recipe(Path(__file__).with_name("msrc_things_tags.py"))
recipe = replace(tags, training=SomeMasks(tags.training, per_class=3))
