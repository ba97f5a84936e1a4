"""Fifteen things before a background, full masks: the schedule of recipes/msrc21_full.py."""

from dataclasses import replace
from pathlib import Path

from weakseg import Folder
from weakseg.recipe.recipe import load_recipe

scenes = load_recipe(Path(__file__).with_name("msrc21_full.py"))
recipe = replace(
    scenes,
    training=Folder("msrc_things", "train", labels=("masks",)),
    validation=Folder("msrc_things", "val", labels=()),
)
