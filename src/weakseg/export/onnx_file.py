"""`weakseg export --onnx`: a run's network as one ONNX file."""

import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from weakseg.data.images.label_file import palette
from weakseg.evaluation.onnx_predictor import KEY, Described, OnnxPredictor, session_of
from weakseg.evaluation.predictor import Predictor
from weakseg.export.about import About
from weakseg.export.graph import graph_of, whole_image
from weakseg.export.parity import SIZES, Logits, Parity, Sizes, require_parity
from weakseg.files.paths import require_new
from weakseg.files.whole_file import write_whole
from weakseg.formats.extras import needed


def write_onnx(predictor: Predictor, about: About, path: Path, sizes: Sizes = SIZES) -> Parity:
    """Write a predictor's network as an ONNX file.

    It is compared with the network first, on images of several sizes.

    Raises:
        WriteRefused: the file exists already, or cannot be written.
        NetworkUnavailable: the graph and the network differ; nothing is written.
        DataInvalid: onnx or onnxruntime is not installed.
    """
    require_new(path, "--onnx")
    # Before the minute that the rest may take.
    runtime = needed("onnxruntime", "onnx", "an ONNX file")
    content = _with_metadata(graph_of(predictor), metadata(predictor, about))
    exported = OnnxPredictor(*session_of(content, path, runtime, "CPUExecutionProvider"))
    parity = require_parity(eager(predictor), exported.logits, predictor.channels, "the graph", sizes)
    write_whole(path, lambda part: part.write_bytes(content))
    return parity


def eager(predictor: Predictor) -> Logits:
    """The logits of the network itself."""
    network = whole_image(predictor)
    # The copy's changes are for the graph alone.
    network.network = predictor.network.cpu().eval()

    def logits(images: Float[np.ndarray, "B M H W"]) -> Float[np.ndarray, "B C H W"]:
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return logits


def metadata(predictor: Predictor, about: About) -> dict[str, str]:
    """What the file says of itself: names and texts, JSON where there is more than one value."""
    names = predictor.classes.names
    described = Described(
        classes=predictor.classes,
        channels=predictor.channels,
        numbers=predictor.numbers,
        void=predictor.void,
        reading=predictor.reading,
        tile_px=predictor.window_px,
        multiple=predictor.multiple,
    )
    colours = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in palette(len(names)).tolist()]
    return {
        KEY: described.as_json(),
        "classes": json.dumps(names),
        "colours": json.dumps(colours),
        "image": "float32 in [0, 1], batch x channels x height x width, of any size; not normalised",
        "logits": "float32, batch x classes x height x width, of the image's size",
        **about.texts(),
    }


def _with_metadata(content: bytes, entries: dict[str, str]) -> bytes:
    onnx = needed("onnx", "onnx", "an ONNX file")
    model = onnx.load_from_string(content)
    model.producer_name, model.doc_string = "weakseg", entries["labels"]
    onnx.helper.set_model_props(model, entries)
    return model.SerializeToString()
