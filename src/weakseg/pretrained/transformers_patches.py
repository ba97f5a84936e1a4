"""Fixes for transformers' segmentation networks.

They train badly without them; docs/networks.md has the evidence.
"""

import copy
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weakseg.errors import RecipeInvalid


def fix_config(config, classes: int, output_stride: int | None):
    """The config of a segmentation network for our classes.

    A backbone alone gets a UperNet around it.
    """
    from transformers import MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING, UperNetConfig

    if type(config) not in MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING:
        stages = getattr(config, "stage_names", None) or ()
        # The head wants four maps: all stages of a pyramid, or every quarter of a plain transformer.
        config.out_features = [stages[quarter * (len(stages) - 1) // 4] for quarter in (1, 2, 3, 4) if stages]
        config = UperNetConfig(backbone_config=config)
    config.num_labels = classes
    if output_stride is not None:
        if not hasattr(config, "output_stride") or output_stride not in (8, 16, 32):
            raise RecipeInvalid(
                f"output_stride is {output_stride}, for a {config.model_type} network",
                expected="8, 16 or 32, for MobileNetV2 or MobileViT",
                fix="leave output_stride out",
            )
        config.output_stride = output_stride
    elif hasattr(config, "output_stride"):
        config.output_stride = min(config.output_stride, 16)
    # The value is TensorFlow's probability to keep (0.8 by default), which torch takes for the one to drop.
    if getattr(config, "classifier_dropout_prob", 0.0) > 0.5:
        config.classifier_dropout_prob = round(1 - config.classifier_dropout_prob, 6)
    if hasattr(config, "use_auxiliary_head"):
        config.use_auxiliary_head = False
    return config


def tile_px(config) -> int:
    """The side of the smallest image of whole cells.

    Every level of the network divides it into whole cells.
    """
    if hasattr(config, "output_stride"):
        # MobileViT cuts its coarsest map into patches of 2 x 2 cells.
        return config.output_stride * getattr(config, "patch_size", 1)
    patch = getattr(getattr(config, "backbone_config", None) or config, "patch_size", 4)
    # Patches of 14 or 16 are those of a plain transformer, whose head makes one coarser level; others halve to 1/32.
    return 2 * patch if isinstance(patch, int) and patch > 8 else 32


def fixed(body: Any) -> nn.Module:
    """The network with all fixes that it needs.

    Names and shapes of the weights stay.
    """
    fix_normalisation(body)
    fixes = {"mobilenet_v2": _with_straight_cells, "dpt": _with_known_shape, "upernet": _at_its_own_grid}
    fix = fixes.get(body.config.model_type)
    return body if fix is None else fix(body)


def fix_normalisation(body: nn.Module):
    """Fix batch normalisation, in place.

    It then remembers more than the last batch, and takes batches of one value.
    """
    for name, layer in list(body.named_modules()):
        if type(layer) is nn.BatchNorm2d:
            _replace(body, name, _batch_norm(layer))


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation that takes batches of one value.

    It uses its running statistics where a batch has one value per channel.

    That happens after global pooling (DeepLab, UperNet) when a batch holds one image; torch raises an error.
    """

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The normalised maps."""
        if input.numel() > input.shape[1]:
            return super().forward(input)
        return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


def _batch_norm(layer: nn.BatchNorm2d) -> BatchNorm:
    # MobileNetV2 has 0.997, TensorFlow's fraction to keep; torch takes it for the fraction to replace.
    momentum = 0.1 if layer.momentum is not None and layer.momentum > 0.5 else layer.momentum
    fixed = BatchNorm(layer.num_features, layer.eps, momentum, layer.affine, layer.track_running_stats)
    fixed.load_state_dict(layer.state_dict())
    return fixed.train(layer.training)


class _UperNet(nn.Module):
    """UperNet with logits on its own grid.

    transformers' returns logits as large as the image, 16 to 200 times as many.
    """

    def __init__(self, backbone: nn.Module, decode_head: nn.Module):
        super().__init__()
        self.backbone, self.decode_head = backbone, decode_head

    def forward(self, image: Float[Tensor, "B M H W"]) -> Float[Tensor, "B C h w"]:
        return self.decode_head(self.backbone(image).feature_maps)


def _at_its_own_grid(body: Any) -> _UperNet:
    return _UperNet(body.backbone, body.decode_head)


def _with_straight_cells(body: Any) -> nn.Module:
    # The classifier's last convolution is computed and thrown away by the segmentation head.
    body.mobilenet_v2.conv_1x1 = nn.Identity()
    if body.config.output_stride == 8:
        return body
    # TensorFlow's padding puts each halving's cell centres half a cell too low and right, 7.5 px in all at stride 16.
    # Padded the other way, the last halving goes back as far as all before it went; half a pixel remains.
    reverse_padding(halvings(body)[-1])
    return body


def halvings(body: nn.Module) -> list[Any]:
    """MobileNetV2's halving layers, from fine to coarse."""
    return [m for m in body.modules() if getattr(getattr(m, "convolution", None), "stride", None) == (2, 2)]


def reverse_padding(layer: Any):
    """Pad a halving layer on its other sides, in place.

    This moves its cells by one cell of its input.
    """
    layer.config = copy.copy(layer.config)
    layer.config.tf_padding = not layer.config.tf_padding
    layer.convolution.padding = (0, 0) if layer.config.tf_padding else (1, 1)


def _with_known_shape(body: Any) -> nn.Module:
    """Give the neck the image's shape.

    The segmentation network omits it, and the neck would take images for square.
    """
    cells = {}

    def measure(_, arguments):
        height, width = (side // body.config.patch_size for side in arguments[0].shape[2:])
        cells.update(patch_height=height, patch_width=width)

    body.register_forward_pre_hook(measure)
    body.neck.register_forward_pre_hook(lambda _, args, options: (args, {**options, **cells}), with_kwargs=True)
    return body


def adapt_first_convolution(body: nn.Module, channels: int):
    """Adapt the first convolution to other channels, in place."""
    layer = first_convolution(body)
    own, layer.in_channels = layer.in_channels, channels
    mean = layer.weight.detach().mean(1, keepdim=True)
    layer.weight = nn.Parameter((mean * own / channels).repeat(1, channels, 1, 1))
    for module in body.modules():
        if getattr(module, "num_channels", None) == own:
            setattr(module, "num_channels", channels)  # noqa: B010 (transformers' own attribute, unknown to torch)


def reverse_first_convolution(body: nn.Module):
    """Adapt the first convolution from BGR to RGB, in place."""
    layer = first_convolution(body)
    layer.weight = nn.Parameter(layer.weight.detach().flip(1))


def first_convolution(body: nn.Module) -> nn.Conv2d:
    """The first convolution, which sees the image."""
    return next(layer for layer in body.modules() if isinstance(layer, nn.Conv2d))


def _replace(body: nn.Module, name: str, layer: nn.Module):
    parent, _, child = name.rpartition(".")
    setattr(body.get_submodule(parent), child, layer)
