"""Tags, and the masks of three pictures of each thing; every picture counts alike."""

from dataclasses import replace
from pathlib import Path

from weakseg import SomeMasks
from weakseg.train.recipe import load_recipe

tags = load_recipe(Path(__file__).with_name("msrc_things_tags.py"))
recipe = replace(tags, training=SomeMasks(tags.training, per_class=3))
