"""A network as an ONNX file: how far it is from the network itself, and how fast beside it.

MobileNetV2 in full size with random weights, 21 classes, images of 224 x 320; processor time of one thread.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

# Before onnxruntime is loaded, which otherwise has a thread for each core.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from weakseg import Classes
from weakseg.evaluation.onnx_predictor import open_onnx
from weakseg.evaluation.predictor import Predictor
from weakseg.export.about import About
from weakseg.export.onnx_file import write_onnx
from weakseg.networks import Untrained

CLASSES, HEIGHT, WIDTH, REPEATS = 21, 224, 320, 7


def measure() -> Iterator[tuple[str, float, str]]:
    """Export, parity, and predictions one by one."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps({"model_type": "mobilenet_v2"}))
        network = Untrained(folder, output_stride=16).build(3, CLASSES)
        for parameter in network.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.5  # half of the statistics of the next batch, which has few values of some
        network.train()(torch.rand(4, 3, 128, 128))
        predictor = Predictor(network.eval(), Classes(tuple(map(str, range(CLASSES)))))
        started = time.process_time()
        parity = write_onnx(predictor, About("", "", "", {}, {}), Path(folder) / "model.onnx")
        yield "onnx.export_s", time.process_time() - started, "s, six comparisons included"
        yield "onnx.difference", parity.difference, "largest difference of two logits"
        yield "onnx.agreement", parity.agreement, "of the pixels have the same class"
        yield "onnx.size_mib", (Path(folder) / "model.onnx").stat().st_size / 2**20, "MiB"
        image = np.random.default_rng(0).random((3, HEIGHT, WIDTH), np.float32)
        eager, file = (least_ms(each, image) for each in (predictor, open_onnx(Path(folder) / "model.onnx")))
        yield "onnx.eager_ms", eager, f"ms for an image of {HEIGHT} x {WIDTH}"
        yield "onnx.file_ms", file, f"ms for an image of {HEIGHT} x {WIDTH}"
        yield "onnx.speedup", eager / file, "times as fast as the network itself"


def least_ms(predictor: Callable, image: np.ndarray) -> float:
    """The least of some times, because others may be at work on the machine."""
    predictor(image)
    taken = []
    for _ in range(REPEATS):
        started = time.process_time()
        predictor(image)
        taken.append(time.process_time() - started)
    return min(taken) * 1000


if __name__ == "__main__":
    for name, value, unit in measure():
        print(f"{name}: {value:.4g} {unit}")
