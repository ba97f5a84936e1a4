"""A training step of MobileNetV2 with the head of transformers, and as the encoder of DeepLabV3+.

Crops of 224 pixels, 8 a step, 21 classes, in bfloat16 and channels last: the recipes of msrc21. Processor time of one
thread; random weights, which cost what others do.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from weakseg.networks import DeepLabV3Plus, Untrained
from weakseg.networks.depthwise import depthwise_in_float32
from weakseg.networks.network import NetworkSpec
from weakseg.train.average import averaged_copy, follow

BATCH, SIDE, CLASSES, STEPS = 8, 224, 21, 5


def measure() -> Iterator[tuple[str, float, str]]:
    """Forward, backward and AdamW."""
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps({"model_type": "mobilenet_v2"}))
        networks: dict[str, NetworkSpec] = {"transformers": Untrained(folder, output_stride=16)}
        networks |= {f"deeplab_{width}": DeepLabV3Plus(width=width) for width in (64, 128, 256)}
        for name, spec in networks.items():
            yield f"network.{name}_step_ms", step_ms(spec.build(3, CLASSES)), "ms per step of 8 crops of 224 x 224"
        network = networks["transformers"].build(3, CLASSES)
        yield "network.average_ms", average_ms(network), "ms per step, to average the weights of the first of them"


def average_ms(network: nn.Module) -> float:
    """The mean of many steps."""
    averaged, steps = averaged_copy(network), 100
    follow(averaged, network, 0.99, 0)
    started = time.process_time()
    for step in range(steps):
        follow(averaged, network, 0.99, step)
    return (time.process_time() - started) / steps * 1000


def step_ms(network: nn.Module) -> float:
    """The least of some steps, because others may be at work on the machine."""
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    depthwise_in_float32(network)
    optimizer = torch.optim.AdamW(network.parameters())
    image = torch.rand(BATCH, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    taken = []
    for _ in range(STEPS):
        started = time.process_time()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(image)
        nn.functional.cross_entropy(logits.float(), torch.zeros_like(logits[:, 0], dtype=torch.long)).backward()
        optimizer.step()
        optimizer.zero_grad()
        taken.append(time.process_time() - started)
    return min(taken) * 1000


if __name__ == "__main__":
    for name, value, unit in measure():
        print(f"{name}: {value:.1f} {unit}")
