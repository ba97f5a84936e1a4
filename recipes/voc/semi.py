"""Pascal VOC 2012, tags beside the masks of ten images of each class; the paper's supplementary figure 5."""

from dataclasses import replace
from pathlib import Path

from weakseg.datasets import SomeMasks
from weakseg.recipe.recipe import load_recipe

tags = load_recipe(Path(__file__).with_name("tags.py"))
recipe = replace(tags, training=SomeMasks(tags.training, per_class=10))
