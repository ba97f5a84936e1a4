"""What transformers' segmentation networks need mended before they train well; docs/networks.md has the evidence."""

import copy

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weakseg.errors import RecipeInvalid


def mend_config(config, classes: int, output_stride: int | None):
    """Set what a config says for our task, in place."""
    config.num_labels = classes
    if output_stride is not None:
        if not hasattr(config, "output_stride") or output_stride not in (8, 16, 32):
            raise RecipeInvalid(
                f"output_stride={output_stride} was asked of a {config.model_type} network.",
                expected="8, 16 or 32, of MobileNetV2 or MobileViT",
                mend="leave output_stride out",
            )
        config.output_stride = output_stride
    elif hasattr(config, "output_stride"):
        config.output_stride = min(config.output_stride, 16)
    # TensorFlow's keep probability (0.8 by default), which torch takes for the share to drop.
    if getattr(config, "classifier_dropout_prob", 0.0) > 0.5:
        config.classifier_dropout_prob = round(1 - config.classifier_dropout_prob, 6)
    if hasattr(config, "use_auxiliary_head"):
        config.use_auxiliary_head = False


def tile_px(config) -> int:
    """Smallest side that every level of the network divides into whole cells."""
    if hasattr(config, "output_stride"):
        # MobileViT cuts its coarsest map into patches of 2 x 2 cells.
        return config.output_stride * getattr(config, "patch_size", 1)
    backbone = getattr(config, "backbone_config", None) or config
    patch = getattr(backbone, "patch_size", 4)
    # Patches of 14 or 16 are those of a plain transformer, which has one level; the others halve to 1/32.
    return patch if isinstance(patch, int) and patch > 8 else 32


def mend_layers(body: nn.Module):
    """Replace the layers that mislead training, in place; names and shapes of all weights stay."""
    for name, layer in list(body.named_modules()):
        if type(layer) is nn.BatchNorm2d:
            _replace(body, name, _batch_norm(layer))
    if body.config.model_type == "mobilenet_v2":
        _mend_mobilenet(body)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation that uses its running statistics where a batch has one value a channel.

    That happens after global pooling (DeepLab, UperNet) when a batch holds one picture; torch raises an error.
    """

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The normalised maps."""
        if input.numel() > input.shape[1]:
            return super().forward(input)
        return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)


def _batch_norm(layer: nn.BatchNorm2d) -> BatchNorm:
    # MobileNetV2 has 0.997, TensorFlow's share to keep; torch takes it for the share to replace.
    momentum = 0.1 if layer.momentum is not None and layer.momentum > 0.5 else layer.momentum
    mended = BatchNorm(layer.num_features, layer.eps, momentum, layer.affine, layer.track_running_stats)
    mended.load_state_dict(layer.state_dict())
    return mended.train(layer.training)


def _mend_mobilenet(body: nn.Module):
    # The classifier's last convolution is computed and thrown away by the segmentation head.
    body.mobilenet_v2.conv_1x1 = nn.Identity()
    # Padding "same" puts each halving's cell centres half a pixel too low and right (8 px in all at stride 16);
    # the last halving, padded on both sides, goes as far the other way as all before it together.
    last = [m for m in body.modules() if getattr(getattr(m, "convolution", None), "stride", None) == (2, 2)][-1]
    last.config = copy.copy(last.config)
    last.config.tf_padding = not last.config.tf_padding
    last.convolution.padding = (0, 0) if last.config.tf_padding else (1, 1)


def adapt_first_convolution(body: nn.Module, channels: int):
    """Let a network for three channels take another number, in place."""
    name, layer = next((n, m) for n, m in body.named_modules() if isinstance(m, nn.Conv2d) and m.in_channels == 3)
    adapted = copy.copy(layer)
    adapted._parameters = dict(layer._parameters)
    adapted.in_channels = channels
    mean = layer.weight.detach().mean(1, keepdim=True)
    adapted.weight = nn.Parameter((mean * 3 / channels).repeat(1, channels, 1, 1).contiguous())
    _replace(body, name, adapted)
    for module in body.modules():
        if getattr(module, "num_channels", None) == 3:
            module.num_channels = channels


def _replace(body: nn.Module, name: str, layer: nn.Module):
    parent, _, child = name.rpartition(".")
    setattr(body.get_submodule(parent), child, layer)
