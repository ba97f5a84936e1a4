"""weakseg: train a segmentation network from labels that are cheap to draw.

`import weakseg` stays light: what needs torch, transformers or accelerate is loaded when it is used.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "AdamW": "train.recipe",
    "Augment": "data.augment",
    "Batch": "types",
    "Boxes": "data.simulate",
    "Classes": "types",
    "Clicks": "data.simulate",
    "CrossEntropy": "divergences",
    "Declaration": "data.declaration",
    "Evidence": "types",
    "Fit": "objectives",
    "Fold": "data.fold",
    "Folder": "data.folder",
    "IntervalSizes": "data.simulate",
    "Memory": "types",
    "OneBitSizes": "data.simulate",
    "PartialDice": "objectives",
    "Phase": "train.recipe",
    "Pretrained": "models.pretrained",
    "Recipe": "train.recipe",
    "Regularize": "objectives",
    "Scenes": "data.scenes",
    "ScribbleMaps": "data.scribblesup",
    "ScribbleSup": "data.scribblesup",
    "Scribbles": "data.simulate",
    "SeedsOnly": "solvers.seeds_only",
    "Sgd": "train.recipe",
    "Simulated": "data.simulate",
    "Solution": "types",
    "Sum": "objectives",
    "Tags": "data.simulate",
    "UNet": "models.unet",
    "Untrained": "models.pretrained",
    "Vgg16LargeFov": "models.vgg",
    "Voc": "data.voc",
    "WeakLabels": "types",
    "load": "train.run_folder",
    "train_recipe": "train.loop",
}
"""The module of each public name."""

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'weakseg' has no attribute '{name}'")
    return getattr(import_module(f"weakseg.{_HOMES[name]}"), name)


def __dir__():
    return [*__all__, "__version__"]
