"""Generated scenes, full masks, a small U-Net from scratch: the demonstration's recipe, which needs no data."""

from weakseg import Augment, Fit, Phase, Recipe, SeedsOnly
from weakseg.datasets import Scenes
from weakseg.networks import UNet

recipe = Recipe(
    training=Scenes(count=200, seed=0),
    validation=Scenes(count=60, seed=1),
    network=UNet(width=16),
    phases=(Phase(Fit(SeedsOnly()), epochs=24, learning_rate=4e-3),),
    augment=Augment(crop=(96, 128), zoom=(0.8, 1.25)),
    validate_every=24,
)
