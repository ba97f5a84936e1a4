"""weakseg: train a segmentation network from labels that are cheap to draw.

`import weakseg` stays light: what needs torch, transformers or accelerate is loaded when it is used.
"""

import os
from importlib import import_module

# Before torch is imported: its threads would spin where they wait for each other, and so keep the cores from those that
# they wait for as soon as anything else runs on the machine (docs/performance.md).
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & {*os.environ}:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

__version__ = "0.1.0"

_HOMES = {
    "ABSENT": "types",
    "AdamW": "train.recipe",
    "All": "constraints.linear_rows",
    "AlphaExpansion": "solvers.alpha_expansion",
    "Augment": "data.augment",
    "BackgroundBetween": "constraints.background",
    "Batch": "types",
    "Bilinear": "energies.relaxations",
    "Boxes": "data.simulate",
    "BoxesFilled": "constraints.boxes",
    "BoxesTight": "constraints.boxes",
    "BoxLabels": "solvers.box_labels",
    "Classes": "types",
    "ClassShares": "constraints.class_shares",
    "Clicks": "data.simulate",
    "code_one_bit_sizes": "constraints.paper",
    "class_row": "constraints.linear_rows",
    "deletion": "constraints.linear_rows",
    "dense_row": "constraints.linear_rows",
    "CropTagsFromTruth": "data.crop_tags",
    "Collision": "energies.relaxations",
    "CollisionCrossEntropy": "divergences",
    "CollisionDivergence": "energies.relaxations",
    "ColorContrast": "energies.contrast",
    "CrossEntropy": "divergences",
    "Declaration": "data.declaration",
    "DenseCRF": "energies.dense_crf",
    "DualProjection": "solvers.dual_projection",
    "EdgeMapContrast": "energies.contrast",
    "EmAdapt": "solvers.em_adapt",
    "Entropy": "energies.entropy",
    "Evidence": "types",
    "Fit": "objectives",
    "Fold": "data.fold",
    "Folder": "data.folder",
    "FrozenStatistics": "models.frozen_statistics",
    "ImageLevelPrior": "models.image_level_prior",
    "ForwardCorrection": "divergences",
    "GatedCRF": "energies.gated_crf",
    "GridPotts": "energies.grid_potts",
    "IntervalSizes": "data.simulate",
    "LargeOrSmall": "constraints.sizes",
    "LinearRows": "constraints.linear_rows",
    "load": "train.run_folder",
    "LocalKernel": "energies.local_kernel",
    "LogBarrier": "energies.log_barrier",
    "MeanField": "solvers.mean_field",
    "Memory": "types",
    "MultipleInstance": "objectives",
    "MumfordShah": "energies.mumford_shah",
    "Normalized": "energies.relaxations",
    "NormalizedCut": "energies.normalized_cut",
    "NothingOutsideBoxes": "constraints.boxes",
    "OneBitSizes": "data.simulate",
    "paper_boxes": "constraints.paper",
    "paper_one_bit_sizes": "constraints.paper",
    "paper_tags": "constraints.paper",
    "PartialDice": "objectives",
    "PRESENT": "types",
    "UNLABELED": "types",
    "UNTOLD": "types",
    "Phase": "train.recipe",
    "Pretrained": "models.pretrained",
    "Quadratic": "energies.relaxations",
    "QuadraticPenalty": "energies.quadratic_penalty",
    "RatioBetween": "constraints.ratios",
    "Recipe": "train.recipe",
    "Regularize": "objectives",
    "satisfied": "evaluate.known_masks",
    "RobustCrossEntropy": "divergences",
    "Scenes": "data.scenes",
    "ScribbleMaps": "data.scribblesup",
    "Scribbles": "data.simulate",
    "ScribbleSup": "data.scribblesup",
    "SeedsOnly": "solvers.seeds_only",
    "segment": "one_image.segment",
    "Sgd": "train.recipe",
    "Simulated": "data.simulate",
    "SizesWithin": "constraints.sizes",
    "SoftMultipleInstance": "objectives",
    "Solution": "types",
    "SomeMasks": "data.some_masks",
    "Sum": "objectives",
    "TaggedClassesPresent": "constraints.tags",
    "Tags": "data.simulate",
    "TotalVariation": "energies.relaxations",
    "train_recipe": "train.loop",
    "UNet": "models.unet",
    "UntaggedClassesAbsent": "constraints.tags",
    "Untrained": "models.pretrained",
    "Vgg16LargeFov": "models.vgg",
    "Voc": "data.voc",
    "WeakLabels": "types",
}
"""The module of each public name."""

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'weakseg' has no attribute '{name}'")
    return getattr(import_module(f"weakseg.{_HOMES[name]}"), name)


def __dir__():
    return [*__all__, "__version__"]
