"""Pascal VOC 2012, ScribbleSup at full length: the robust trust region as its paper trained it, for who has the data.

$WEAKSEG_DATA holds VOC2012 with SegmentationClassAug, and scribble_annotation. The encoder begins with ImageNet
weights: DeepLab's own published ones have seen the masks of VOC. Sixty epochs of partial cross entropy, then sixty
after graph cuts, found anew every five, at a tenth of the rate and with a fresh optimiser. The weights of the terms
are the released code's in this library's units:
lambda .05 against Potts weights of 25 is .002 a pixel, times the root of 500 x 375 pixels; and its sums over pixels,
divided by the number of marked ones (3 %), weigh the mean over hidden pixels 32 times.
"""

from weakseg import AlphaExpansion, Augment, Fit, Phase, Recipe, SeedsOnly, Sgd
from weakseg.datasets import ScribbleSup, Voc
from weakseg.divergences import RobustCrossEntropy
from weakseg.networks import DeepLabV3Plus

fit = Fit(AlphaExpansion(prediction_weight=0.87), RobustCrossEntropy(flip=0.944), weight=32.0)
recipe = Recipe(
    training=ScribbleSup(Voc("VOC2012", "train_aug"), "scribble_annotation/pascal_2012"),
    validation=Voc("VOC2012", "val"),
    network=DeepLabV3Plus("google/mobilenet_v2_1.0_224"),
    phases=(
        Phase(Fit(SeedsOnly()), epochs=60, learning_rate=7e-3, warm_up=0.0),
        Phase(fit, epochs=60, learning_rate=7e-4, warm_up=0.0, update_targets_every=5, fresh_optimizer=True),
    ),
    augment=Augment(crop=(513, 513), zoom=(0.5, 2.0), flip=0.5, brightness=0.0, contrast=0.0),
    optimizer=Sgd(momentum=0.9, weight_decay=5e-4, fresh_factor=10.0),
    batch_size=12,
    validate_every=10,
)
