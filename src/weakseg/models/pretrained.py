"""Networks of transformers' `AutoModelForSemanticSegmentation`: by hub name, by folder, or from a config alone."""

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from weakseg.errors import NetworkUnavailable, RecipeInvalid
from weakseg.models.network import Network
from weakseg.models.traps import adapt_first_convolution, mend_config, mend_layers, tile_px

_IMAGENET = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
_HALF = {"image_mean": (0.5, 0.5, 0.5), "image_std": (0.5, 0.5, 0.5)}


@dataclass(frozen=True)
class Pretrained:
    """A network whose weights somebody trained before, with a head for our classes.

    The checkpoint may be one for segmentation or for image classification; a head that is missing or has another
    number of classes starts afresh, anything else that is missing is an error. One-channel pictures are repeated to
    three. For other numbers of channels the first convolution's weights are averaged over red, green and blue and
    scaled by 3 / channels, so that activations keep their size.
    """

    name: str
    """A folder, the name of one under $WEAKSEG_WEIGHTS, or a name on the Hugging Face hub."""
    output_stride: int | None = None
    """Pixels per cell of the logits, for networks that offer a choice (MobileNetV2, MobileViT: 8, 16 or 32).
    `None` is 16 for them, or 8 if the checkpoint says so."""
    enlarge: float = 1.0
    """How many times to enlarge pictures before the network sees them: for structures smaller than a cell."""

    def __post_init__(self):
        if self.enlarge < 1:
            raise RecipeInvalid(f"Pretrained has enlarge={self.enlarge}.", expected="1 or more", mend="leave it at 1")

    def build(self, channels: int, classes: int) -> Network:
        """The network with its pretrained weights.

        Raises:
            NetworkUnavailable: no such folder, hub or cache; or more than the head is missing from the weights.
        """
        from transformers import AutoModelForSemanticSegmentation

        source = _locate(self.name)
        config = _read_config(source)
        mend_config(config, classes, self.output_stride)
        with _quiet(), _explained(self.name):
            body, loading = AutoModelForSemanticSegmentation.from_pretrained(
                source,
                config=config,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                use_safetensors=True,
                local_files_only=Path(source).is_dir(),
            )
        mismatched = {entry if isinstance(entry, str) else entry[0] for entry in loading["mismatched_keys"]}
        fresh = set(loading["missing_keys"]) | mismatched
        _refuse_missing_backbone(self.name, body, fresh)
        network = _adapt(body, channels, _normalisation(source, config), self.enlarge)
        names = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
        network.fresh_parameters = frozenset(f"body.{name}" for name in fresh) & names
        return network

    def rebuild(self, channels: int, classes: int, config: dict) -> Network:
        """The same architecture from `Network.config`, without any file; its weights are about to be loaded."""
        return _from_config(config, channels, classes, self.enlarge)


@dataclass(frozen=True)
class Untrained:
    """An architecture of transformers with random weights: for tests, and for data that resembles no photograph."""

    config: str
    """Path of a transformers `config.json`, or of the folder that holds one."""
    output_stride: int | None = None
    """As in `Pretrained`."""
    enlarge: float = 1.0
    """As in `Pretrained`."""

    def build(self, channels: int, classes: int) -> Network:
        """The network, drawn from torch's global generator."""
        config = _read_config(self.config)
        mend_config(config, classes, self.output_stride)
        settings = {"architecture": config.to_dict(), **_normalisation(self.config, config)}
        return _from_config(settings, channels, classes, self.enlarge)

    def rebuild(self, channels: int, classes: int, config: dict) -> Network:
        """The same architecture from `Network.config`, without any file; its weights are about to be loaded."""
        return _from_config(config, channels, classes, self.enlarge)


def _from_config(settings: dict, channels: int, classes: int, enlarge: float) -> Network:
    from transformers import AutoConfig, AutoModelForSemanticSegmentation

    architecture = dict(settings["architecture"])
    config = AutoConfig.for_model(architecture.pop("model_type"), **architecture)
    config.num_labels = classes
    with _quiet(), _explained(config.model_type):
        body = AutoModelForSemanticSegmentation.from_config(config, dtype=torch.float32)
    return _adapt(body, channels, {key: settings[key] for key in _HALF}, enlarge)


def _adapt(body, channels: int, normalisation: dict, enlarge: float) -> Network:
    mean, std = (tuple(normalisation[key]) for key in _HALF)
    settings = {"architecture": json.loads(body.config.to_json_string(use_diff=False)), **normalisation}
    mend_layers(body)
    if channels not in (1, 3):
        adapt_first_convolution(body, channels)
        mean, std = (sum(mean) / 3,) * channels, (sum(std) / 3,) * channels
    return Network(body, channels, tile_px=tile_px(body.config), mean=mean, std=std, enlarge=enlarge, config=settings)


def _locate(name: str) -> str:
    """A folder of weights, or the name itself where the hub (or what was downloaded from it) has it."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    shelf = os.environ.get("WEAKSEG_WEIGHTS", "")
    for folder in [Path(name), Path(shelf) / name] if shelf else [Path(name)]:
        if (folder / "config.json").is_file():
            return str(folder)
    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return name
        # Loading retries for half a minute before it gives up; one question tells whether to try at all.
        HfApi().model_info(name, timeout=3)
    except Exception as error:  # whatever HTTP library the hub's client uses has a tree of errors of its own
        reason = str(error).strip().splitlines()[0]
        looked = f"{shelf}/{name} ($WEAKSEG_WEIGHTS)" if shelf else "$WEAKSEG_WEIGHTS (not set)"
        raise NetworkUnavailable(
            f"There are no weights named '{name}'. Looked at: the folder {Path(name).absolute()}; {looked}; "
            f"what was downloaded before; the Hugging Face hub ({reason}).",
            expected="a folder with config.json and model.safetensors, or a name that the hub knows",
            mend="give a folder; or download it elsewhere and set WEAKSEG_WEIGHTS to the folder that holds it; "
            "or train weakseg.UNet() from scratch, which needs no weights",
        ) from None
    return name


def _read_config(source: str):
    from transformers import AutoConfig

    with _quiet(), _explained(source):
        return AutoConfig.from_pretrained(source)


def _normalisation(source: str, config) -> dict:
    """What the checkpoint's own preprocessing subtracts and divides by."""
    from transformers.utils import cached_file

    path = cached_file(source, "preprocessor_config.json", _raise_exceptions_for_missing_entries=False)
    stated = json.loads(Path(path).read_text()) if path else {}
    if not stated.get("do_normalize", True):
        return {"image_mean": (0.0, 0.0, 0.0), "image_std": (1.0, 1.0, 1.0)}
    usual = _HALF if config.model_type.startswith("mobilenet") else _IMAGENET
    return {key: tuple(stated.get(key, usual[key])) for key in _HALF}


def _refuse_missing_backbone(name: str, body, fresh: set[str]):
    """A checkpoint of another architecture loads without complaint and leaves everything random."""
    missing = sorted(key for key in fresh if key.startswith((f"{body.base_model_prefix}.", "backbone.")))
    if missing:
        shown = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        raise NetworkUnavailable(
            f"The weights of '{name}' lack {len(missing)} tensors of the network's backbone, "
            f"or hold them in another shape: {shown}.",
            expected="weights for everything but the head",
            mend="check that config.json and model.safetensors belong together",
        )


@contextmanager
def _explained(name: str):
    """Turns what transformers raises about a checkpoint into one of our messages."""
    try:
        yield
    except Exception as error:
        raise NetworkUnavailable(
            f"'{name}' cannot be loaded: {str(error).strip()}",
            expected="a semantic segmentation network of transformers with safetensors weights "
            "(MobileNetV2, MobileViT, SegFormer, UperNet, DPT, BEiT ...)",
            mend="choose such a checkpoint, or build the network yourself: any nn.Module from (B, M, H, W) to "
            "(B, C, h, w) can be trained",
        ) from error


@contextmanager
def _quiet():
    """Without transformers' progress bar and its table of head weights that are, as intended, new."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
