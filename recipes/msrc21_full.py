"""Natural scenes, 21 scored classes, full masks. The yardstick of recipes/tables/msrc21.py; 5 minutes on two cores.

Horse is in neither split and mountain in seven validation images, so neither is scored.
"""

from weakseg import AdamW, Augment, Fit, Folder, Phase, Recipe, SeedsOnly
from weakseg.data.folder.declaration import Declaration
from weakseg.networks import Pretrained

SCORED = Declaration(unscored=("horse", "mountain"))

recipe = Recipe(
    training=Folder("msrc21", "train", labels=("masks",), declaration=SCORED),
    validation=Folder("msrc21", "val", labels=(), declaration=SCORED),
    network=Pretrained("mobilenet_v2_imagenet", output_stride=16),
    phases=(Phase(Fit(SeedsOnly()), epochs=14, learning_rate=5e-4),),
    augment=Augment(crop=(224, 224), zoom=(0.75, 1.5), flip=0.5, brightness=0.1, contrast=0.1),
    optimizer=AdamW(weight_decay=0.01, fresh_factor=10.0),
    batch_size=8,
    validate_every=14,
    bf16=True,
)
