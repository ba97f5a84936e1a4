"""Networks of transformers, pretrained or with random weights.

Pretrained ones come by hub name or folder, random ones from a config.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from weakseg.errors import NetworkUnavailable, RecipeInvalid
from weakseg.files.paths import absolute
from weakseg.networks.network import Network
from weakseg.pretrained.affordable import require_affordable
from weakseg.pretrained.preprocessing import blue_first, normalisation
from weakseg.pretrained.self_contained import offline
from weakseg.pretrained.transformers_patches import (
    adapt_first_convolution,
    first_convolution,
    fix_config,
    fixed,
    reverse_first_convolution,
    tile_px,
)
from weakseg.pretrained.weights import config_from, explained, locate, quiet, read_config


@dataclass(frozen=True)
class Pretrained:
    """A pretrained network with a head for our classes.

    The checkpoint may be one for segmentation, for image classification, or a backbone alone (DINOv2, ConvNeXt, Swin,
    ResNet ..., which get a UperNet head). A head that is missing or has another number of classes is initialised at
    random; anything else that is missing is an error.

    One-channel images are repeated to three. For other numbers of channels the first convolution's weights are
    averaged over red, green and blue and scaled by 3 / channels, so that activations keep their size.
    """

    name: str
    """The checkpoint: a folder, the name of one under $WEAKSEG_WEIGHTS, or a name on the Hugging Face hub."""
    output_stride: int | None = None
    """The number of pixels per cell of the logits, for networks that offer a choice (MobileNetV2, MobileViT): 8, 16 or
    32. `None` is 16, or less if the checkpoint says so."""
    enlarge: float = 1.0
    """The factor, 1 or above, to enlarge images by before the network sees them, for structures smaller than a cell."""

    def __post_init__(self):
        check_enlarge(self.enlarge)

    def located(self) -> "Pretrained":
        """The same with an absolute path, if a folder's."""
        return replace(self, name=located_name(self.name))

    def build(self, channels: int, classes: int) -> Network:
        """The network with its pretrained weights.

        Raises:
            NetworkUnavailable: there is no such checkpoint, or more than the head is missing from its weights.
        """
        with fetched(self.name, classes, self.output_stride) as (body, settings):
            return adapted(fixed(body), body.config, channels, settings, self.enlarge)

    def rebuild(self, channels: int, classes: int, config: dict) -> Network:
        """The same architecture from `Network.config`.

        No file is needed; its weights are loaded next.
        """
        return _from_config(config, channels, classes, self.enlarge)


@dataclass(frozen=True)
class Untrained:
    """A network of transformers with random weights.

    It is meant for tests, and for images unlike any photograph.
    """

    config: str
    """The path of a transformers `config.json`, or of the folder that holds one."""
    output_stride: int | None = None
    """The number of pixels per cell of the logits, as in `Pretrained`."""
    enlarge: float = 1.0
    """The factor of enlargement, as in `Pretrained`."""

    def __post_init__(self):
        check_enlarge(self.enlarge)

    def located(self) -> "Untrained":
        """The same with an absolute path."""
        return replace(self, config=absolute(self.config))

    def build(self, channels: int, classes: int) -> Network:
        """The network, with random weights.

        They come from torch's global generator.
        """
        path = Path(self.config)
        folder = path if path.is_dir() else path.parent
        config = read_config(path)
        with explained(str(path / "config.json" if path.is_dir() else path)):
            body = drawn(fix_config(config, classes, self.output_stride))
            return adapted(fixed(body), body.config, channels, _settings(folder, body, set()), self.enlarge)

    def rebuild(self, channels: int, classes: int, config: dict) -> Network:
        """The same architecture from `Network.config`.

        No file is needed; its weights are loaded next.
        """
        return _from_config(config, channels, classes, self.enlarge)


@contextmanager
def fetched(name: str, classes: int, output_stride: int | None) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A checkpoint's network without fixes, and its settings.

    Settings are those of `Network.config`. Errors inside the `with` block are explained.

    Raises:
        NetworkUnavailable: there is no such checkpoint, or more than the head is missing from its weights.
    """
    folder = locate(name)
    config = read_config(folder)
    with explained(f"{folder / 'config.json'}, with the weights beside it,"):
        config = fix_config(config, classes, output_stride)
        with quiet(), offline():
            require_affordable(config)
            body, fresh = _load(folder, config)
        _refuse_missing_backbone(name, body, fresh)
        if blue_first(folder, config.model_type):
            reverse_first_convolution(body)
        yield body, _settings(folder, body, fresh)


def _load(folder: Path, config) -> tuple[Any, set[str]]:
    """The network, and the weights its checkpoint lacks."""
    from transformers import AutoModelForSemanticSegmentation

    options = {
        "dtype": torch.float32,
        # The head has another number of classes; what else is mismatched is refused by `_refuse_missing_backbone`.
        "ignore_mismatched_sizes": True,
        "output_loading_info": True,
        # Never the pickled weights beside them, which may run code.
        "use_safetensors": True,
        "local_files_only": True,
    }
    if config.model_type == "upernet" and read_config(folder).model_type != "upernet":
        body = AutoModelForSemanticSegmentation.from_config(config, dtype=torch.float32)
        body.backbone, loading = type(body.backbone).from_pretrained(folder, config=config.backbone_config, **options)
        head = {f"decode_head.{name}" for name in body.decode_head.state_dict()}
        return body, head | {f"backbone.{name}" for name in _lacking(loading)}
    body, loading = AutoModelForSemanticSegmentation.from_pretrained(folder, config=config, **options)
    return body, _lacking(loading)


def _lacking(loading: dict) -> set[str]:
    mismatched = {entry if isinstance(entry, str) else entry[0] for entry in loading["mismatched_keys"]}
    return set(loading["missing_keys"]) | mismatched


def _settings(folder: Path, body: Any, fresh: set[str]) -> dict[str, Any]:
    own = normalisation(folder, body.config.model_type, first_convolution(body).in_channels)
    return {"fresh_parameters": sorted(fresh), **own}


def _from_config(settings: dict, channels: int, classes: int, enlarge: float) -> Network:
    config = config_from(settings["architecture"])
    config.num_labels = classes
    body = drawn(config)
    return adapted(fixed(body), body.config, channels, settings, enlarge)


def drawn(config) -> Any:
    """A segmentation network of transformers with random weights."""
    from transformers import AutoModelForSemanticSegmentation

    with quiet(), offline():
        require_affordable(config)
        return AutoModelForSemanticSegmentation.from_config(config, dtype=torch.float32)


def adapted(body: nn.Module, config, channels: int, settings: dict, enlarge: float) -> Network:
    """A `Network` around a fixed body.

    Args:
        body: the module that maps normalised images to logits, with its weights.
        config: transformers' config of the body, or of the part of it that is theirs.
        channels: the number of image channels.
        settings: the rest of `Network.config`: `mean`, `std` and `fresh_parameters`.
        enlarge: the factor to enlarge images by.
    """
    architecture = json.loads(config.to_json_string(use_diff=False))
    own, tile = first_convolution(body).in_channels, tile_px(config)
    # `Network` repeats a single channel, so the pretrained filters may stay as they are.
    takes = own if channels in (1, own) else channels
    if takes != own:
        adapt_first_convolution(body, channels)
    mean, std = (tuple(settings[key]) for key in ("mean", "std"))
    if takes != len(mean):
        mean, std = ((sum(values) / len(values),) * takes for values in (mean, std))
    kept = {**settings, "architecture": architecture}
    network = Network(body, channels, tile_px=tile, mean=mean, std=std, enlarge=enlarge, config=kept)
    # `Network` has frozen what the logits do not depend on; frozen parameters are not fresh.
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    network.fresh_parameters = frozenset(learning) & {f"body.{name}" for name in settings["fresh_parameters"]}
    return network


def _refuse_missing_backbone(name: str, body, fresh: set[str]):
    """Refuse a checkpoint of another architecture.

    It would load without complaint and leave everything random.
    """
    missing = sorted(key for key in fresh if key.startswith((f"{body.base_model_prefix}.", "backbone.")))
    if missing:
        shown = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        raise NetworkUnavailable(
            f"the weights of '{name}' lack {len(missing)} tensors of the network's backbone, "
            f"or hold them in another shape: {shown}",
            expected="weights for everything but the head",
            fix="check that config.json and model.safetensors belong together",
        )


def located_name(name: str) -> str:
    """A checkpoint's name, absolute if a folder's."""
    return absolute(name) if (Path(name) / "config.json").is_file() else name


def check_enlarge(enlarge: float):
    """Refuse factors that make images smaller."""
    if enlarge < 1:
        raise RecipeInvalid(f"enlarge is {enlarge}", expected="1 or more", fix="leave it at 1")
