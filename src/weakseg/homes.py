"""The module of each public name.

`weakseg.NAME` is loaded from it, and records name a part without its module.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

DOORS = {
    "": {
        "ABSENT": "classes",
        "AdamW": "recipe.recipe",
        "AcrossSlices": "joint.across_slices",
        "AlphaExpansion": "cuts.alpha_expansion",
        "Augment": "data.augment",
        "Batch": "types",
        "check": "data.check.check",
        "Claims": "files.claims",
        "Classes": "classes",
        "draw": "studio.notebook",
        "DualProjection": "projection.dual_projection",
        "evaluate": "evaluation.evaluate",
        "Evidence": "types",
        "Fit": "losses.objectives",
        "Folder": "data.folder.folder",
        "Hardened": "solvers.hardened",
        "JointCut": "joint.joint_cut",
        "JointProjection": "joint.joint_projection",
        "load": "runs.run",
        "MeanField": "mean_field.mean_field",
        "Memory": "types",
        "PartialDice": "losses.objectives",
        "Phase": "recipe.recipe",
        "PRESENT": "classes",
        "Recipe": "recipe.recipe",
        "Regularize": "losses.objectives",
        "SeedsOnly": "solvers.seeds_only",
        "segment": "one_image.segment",
        "Sgd": "recipe.recipe",
        "SoftSelfLabels": "solvers.soft_self_labels",
        "Solution": "types",
        "Sum": "losses.objectives",
        "train_recipe": "train.loop",
        "update_targets": "train.update_targets",
        "UNLABELED": "classes",
        "UNTOLD": "classes",
        "WeakLabels": "types",
        "WeaksegError": "errors",
    },
    "appearance": {
        "Appearances": "appearance.appearances",
        "BoxColors": "appearance.box_colors",
        "ScribbleDensities": "appearance.scribble_densities",
    },
    "constraints": {
        "All": "constraints.linear_rows",
        "BackgroundBetween": "constraints.background",
        "BoxesFilled": "constraints.boxes",
        "BoxesTight": "constraints.boxes",
        "class_row": "constraints.linear_rows",
        "ClassShares": "constraints.class_shares",
        "deletion": "constraints.linear_rows",
        "dense_row": "constraints.linear_rows",
        "LargeOrSmall": "constraints.sizes",
        "LinearRows": "constraints.linear_rows",
        "NothingOutsideBoxes": "constraints.boxes",
        "OfEachView": "constraints.of_each_view",
        "RatioBetween": "constraints.ratios",
        "satisfied": "constraint_choice.accuracy",
        "SizesWithin": "constraints.sizes",
        "TaggedClassesPresent": "constraints.tags",
        "UntaggedClassesAbsent": "constraints.tags",
    },
    "datasets": {
        "Declaration": "data.folder.declaration",
        "Fold": "data.fold",
        "FolderDeclaration": "data.label_values.convention",
        "FromArrays": "data.from_arrays",
        "Scenes": "data.scenes",
        "ScribbleMaps": "data.published.scribblesup",
        "ScribbleSup": "data.published.scribblesup",
        "SomeMasks": "data.some_masks",
        "Targets": "train.targets",
        "Views": "train.loader",
        "Voc": "data.published.voc",
    },
    "divergences": {
        "CollisionCrossEntropy": "losses.divergences",
        "CrossEntropy": "losses.divergences",
        "ForwardCorrection": "losses.divergences",
        "RobustCrossEntropy": "losses.divergences",
    },
    "energies": {
        "Bilinear": "energies.relaxations",
        "Collision": "energies.relaxations",
        "CollisionDivergence": "energies.relaxations",
        "ColorContrast": "energies.contrast",
        "DenseCRF": "energies.dense_crf",
        "EdgeMapContrast": "energies.contrast",
        "Entropy": "energies.entropy",
        "GatedCRF": "energies.gated_crf",
        "GridPotts": "energies.grid_potts",
        "LocalKernel": "energies.local_kernel",
        "LogBarrier": "energies.log_barrier",
        "MumfordShah": "energies.mumford_shah",
        "Normalized": "energies.relaxations",
        "NormalizedCut": "energies.normalized_cut",
        "Quadratic": "energies.relaxations",
        "QuadraticPenalty": "energies.quadratic_penalty",
        "TotalVariation": "energies.relaxations",
        "VolumePotts": "energies.volume_potts",
    },
    "networks": {
        "DeepLabV3Plus": "pretrained.deeplab",
        "FromModule": "networks.from_module",
        "FrozenStatistics": "networks.frozen_statistics",
        "ImageLevelPrior": "networks.image_level_prior",
        "Pretrained": "pretrained.pretrained",
        "UNet": "networks.unet",
        "Untrained": "pretrained.pretrained",
        "Vgg16LargeFov": "pretrained.vgg",
    },
    "papers": {
        "BoxLabels": "solvers.box_labels",
        "code_one_bit_sizes": "constraints.paper",
        "CropTagsFromTruth": "data.crop_tags",
        "EmAdapt": "solvers.em_adapt",
        "MultipleInstance": "losses.objectives",
        "paper_boxes": "constraints.paper",
        "paper_one_bit_sizes": "constraints.paper",
        "paper_tags": "constraints.paper",
        "SoftMultipleInstance": "losses.objectives",
    },
    "simulate": {
        "Boxes": "data.simulate.annotators",
        "Clicks": "data.simulate.annotators",
        "IntervalSizes": "data.simulate.annotators",
        "OneBitSizes": "data.simulate.annotators",
        "Scribbles": "data.simulate.annotators",
        "Simulated": "data.simulate.annotators",
        "Tags": "data.simulate.annotators",
    },
    "typing": {
        "Appearance": "appearance.scribble_densities",
        "Constraint": "constraints.linear_rows",
        "Contrast": "energies.contrast",
        "Dataset": "data.sample",
        "Divergence": "types",
        "Energy": "types",
        "Kernel": "energies.kernel_cut",
        "NetworkSpec": "networks.network",
        "Objective": "types",
        "Relaxation": "energies.relaxations",
        "Solver": "types",
    },
}
"""Namespaces of `weakseg`, "" for itself: the public names of each, and the module of each name."""

HOMES = {name: home for names in DOORS.values() for name, home in names.items()}
"""The module of each public name, within weakseg."""


def public_name(thing: Any) -> str | None:
    """The public name of a class or function.

    For example `weakseg.Fit`; `None` where it has none.
    """
    known = thing.__module__.startswith("weakseg.") and thing.__qualname__ in HOMES
    return f"weakseg.{thing.__qualname__}" if known else None


def door_of(name: str) -> str:
    """The namespace of a public name.

    For example `weakseg` or `weakseg.energies`.
    """
    return next(f"weakseg.{door}".rstrip(".") for door, names in DOORS.items() if name in names)


def opened(door: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """A namespace's `__all__`, `__getattr__` and `__dir__`.

    Its names are loaded when they are used.
    """
    # `weakseg` itself has every name, because records and recipes of earlier versions knew no namespaces.
    names = DOORS[door] if door else HOMES

    def load(name: str) -> Any:
        if not door and name in DOORS:
            return import_module(f"weakseg.{name}")
        if name not in names:
            raise AttributeError(f"module '{f'weakseg.{door}'.rstrip('.')}' has no attribute '{name}'")
        from weakseg.field_docs import documented

        return documented(getattr(import_module(f"weakseg.{names[name]}"), name))

    return sorted(DOORS[door]), load, lambda: sorted(DOORS[door])
