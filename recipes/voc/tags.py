"""Pascal VOC 2012, image tags: the constrained CNN as its paper trained it, for who has the data and the weights.

$WEAKSEG_DATA holds VOC2012 with SegmentationClassAug, vgg16.safetensors names its tensors as torchvision does. One
whole image a step, momentum .99, about 60,000 steps in three stretches with a tenth of the rate each.
"""

from weakseg import Augment, DualProjection, Fit, Phase, Recipe, Sgd
from weakseg.datasets import Voc
from weakseg.networks import Vgg16LargeFov
from weakseg.papers import paper_tags
from weakseg.simulate import Simulated, Tags

fit = Fit(DualProjection(paper_tags(background=0)))
recipe = Recipe(
    training=Simulated(Voc("VOC2012", "train_aug"), (Tags(),)),
    validation=Voc("VOC2012", "val"),
    network=Vgg16LargeFov(weights="vgg16.safetensors"),
    phases=tuple(Phase(fit, epochs=2, learning_rate=rate, warm_up=0.0, decay_power=0.0) for rate in (1e-6, 1e-7, 1e-8)),
    augment=Augment(crop=None, zoom=(1.0, 1.0), flip=0.0, brightness=0.0, contrast=0.0),
    optimizer=Sgd(momentum=0.99, weight_decay=5e-7, fresh_factor=1.0),
    batch_size=1,
    validate_every=2,
)
