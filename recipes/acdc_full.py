"""Cardiac MRI, full masks. The yardstick of recipes/tables/acdc.py; about 5 minutes on two cores.

The heart is small, so slices are enlarged twice and most crops are centred on a marked pixel of a random class.
"""

from weakseg import AdamW, Augment, Fit, Folder, Phase, Recipe, SeedsOnly
from weakseg.data.folder.declaration import Declaration
from weakseg.networks import Pretrained

PATIENT_AND_FRAME = Declaration(volume=r"patient\d+_frame\d+")

recipe = Recipe(
    training=Folder("acdc", "train", labels=("masks",), declaration=PATIENT_AND_FRAME),
    validation=Folder("acdc", "val", labels=(), declaration=PATIENT_AND_FRAME),
    network=Pretrained("mobilenet_v2_imagenet", output_stride=16, enlarge=2.0),
    phases=(Phase(Fit(SeedsOnly()), epochs=26, learning_rate=1e-3),),
    augment=Augment(crop=(96, 96), zoom=(0.8, 1.25), flip=0.5, brightness=0.2, contrast=0.2, centre_on_labels=1.0),
    optimizer=AdamW(weight_decay=0.01, fresh_factor=10.0),
    batch_size=8,
    validate_every=26,
    bf16=True,
)
