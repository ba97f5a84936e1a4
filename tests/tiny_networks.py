"""Tiny networks of every architecture that is promised to work, described by transformers configs alone."""

from collections.abc import Callable

import transformers

_STAGES = ["stage1", "stage2", "stage3", "stage4"]
_PLAIN = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
_SWIN = {"embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4}
_CONVNEXT = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 8, 16, 16]}


def _upernet(backbone: transformers.PreTrainedConfig) -> transformers.UperNetConfig:
    return transformers.UperNetConfig(backbone_config=backbone, hidden_size=8, use_auxiliary_head=True)


CONFIGS: dict[str, Callable[[], transformers.PreTrainedConfig]] = {
    "mobilenet_v2": lambda: transformers.MobileNetV2Config(depth_multiplier=0.1),
    "mobilevit": lambda: transformers.MobileViTConfig(
        hidden_sizes=[8, 16, 24],
        neck_hidden_sizes=[8, 8, 8, 16, 16, 16, 24],
        num_attention_heads=2,
        aspp_out_channels=8,
    ),
    "segformer": lambda: transformers.SegformerConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=8
    ),
    "dpt": lambda: transformers.DPTConfig(
        **_PLAIN,
        intermediate_size=16,
        image_size=32,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
    ),
    "beit": lambda: transformers.BeitConfig(
        **_PLAIN, intermediate_size=16, image_size=32, out_indices=[1, 2, 3, 4], use_relative_position_bias=True
    ),
    "upernet_convnext": lambda: _upernet(transformers.ConvNextConfig(**_CONVNEXT, out_features=_STAGES)),
    "upernet_swin": lambda: _upernet(transformers.SwinConfig(**_SWIN, out_features=_STAGES)),
    "upernet_dinov2": lambda: _upernet(
        transformers.Dinov2Config(**_PLAIN, image_size=28, patch_size=14, out_features=_STAGES)
    ),
}
