"""Pascal VOC 2012, tags and one bit of size at a tenth of the image: the paper's equation (10), as in tags.py."""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit
from weakseg.papers import paper_one_bit_sizes
from weakseg.recipe.recipe import load_recipe
from weakseg.simulate import OneBitSizes, Simulated, Tags

tags = load_recipe(Path(__file__).with_name("tags.py"))
fit = Fit(DualProjection(paper_one_bit_sizes(background=0)))
recipe = replace(
    tags,
    training=Simulated(tags.training.samples, (Tags(), OneBitSizes(threshold=0.1))),
    phases=tuple(replace(phase, objective=fit) for phase in tags.phases),
)
