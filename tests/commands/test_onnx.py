"""A run as an ONNX file, and predictions with the file: the same masks, without torch."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from weakseg.data.images.label_file import read_labels
from weakseg.errors import NetworkUnavailable
from weakseg.export import onnx_file

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("onnx", reason="the extra onnx is not installed")

ROOT = Path(__file__).parents[2]
RECIPE = """
from weakseg import Augment, Fit, Folder, Phase, Recipe, SeedsOnly, UNet
data = Folder({data!r}, "all", labels=("masks",))
recipe = Recipe(data, UNet(8, 1), (Phase(Fit(SeedsOnly()), 1),), validation=data, augment=Augment(crop=None))
"""

WITHOUT = """
import sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refused())
sys.argv = ["weakseg", *sys.argv[1:]]
from weakseg.cli import main
main()
"""
"""The command line where these packages are not installed."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run of an epoch, its file, and its data folder, whose classes have the numbers 3 and 7."""
    from weakseg import cli

    root = tmp_path_factory.mktemp("onnx")
    data = root / "data"
    (data / "images").mkdir(parents=True)
    (data / "masks").mkdir()
    (data / "dataset.toml").write_text('classes = ["dark", "bright"]\nvalues = [3, 7]\nvoid = 0\nnodata = "0"\n')
    chance = np.random.default_rng(0)
    for index in range(4):
        left = np.arange(44)[None].repeat(37, axis=0) < 12 + 3 * index
        image = (np.where(left, 40, 210) + chance.normal(0, 5, left.shape)).astype(np.uint8)
        image[:4, :4] = 0
        Image.fromarray(image).save(data / "images" / f"{index}.png")
        Image.fromarray(np.where(left, 3, 7).astype(np.uint8)).save(data / "masks" / f"{index}.png")
    (root / "recipe.py").write_text(RECIPE.format(data=str(data)))
    for words in (
        ["train", root / "recipe.py", "--out", root / "run"],
        ["export", root / "run", "--onnx", root / "model.onnx"],
    ):
        cli.app([*map(str, words)], standalone_mode=False)
    return root


def images(place):
    """The image files."""
    return sorted((place / "data" / "images").iterdir())


def test_the_file_predicts_what_the_run_predicts(weakseg, place, tmp_path):
    """Masks in the folder's own numbers, byte by byte, and probabilities; void where there is no data."""
    outs = tmp_path / "run", tmp_path / "file"
    for source, out in zip((place / "run", place / "model.onnx"), outs, strict=True):
        said = weakseg("predict", source, *images(place), "--out", out, "--probabilities", "--overlays", "--json")
        assert said.code == 0
        assert json.loads(said.out)["numbers"] == {"dark": 3, "bright": 7}
    for image in images(place):
        mask, other = (out / image.name for out in outs)
        assert mask.read_bytes() == other.read_bytes()
        assert {*np.unique(read_labels(other)).tolist()} <= {0, 3, 7}
        assert (read_labels(other)[:4, :4] == 0).all()
        held = [np.load(out / "probabilities" / f"{image.stem}.npz")["probabilities"] for out in outs]
        np.testing.assert_allclose(*held, atol=2e-3)
        assert (outs[1] / "overlays" / f"{image.stem}.jpg").is_file()


def test_tiles_are_those_of_the_run(place):
    """A large image is cut at the same places."""
    from dataclasses import replace

    from weakseg import load
    from weakseg.evaluation.onnx_predictor import open_onnx

    image = np.random.default_rng(0).random((1, 150, 210), np.float32)
    file = open_onnx(place / "model.onnx")
    small = replace(file, network=replace(file.network, tile_px=64))
    np.testing.assert_allclose(small(image), replace(load(place / "run"), tile_px=64)(image), atol=1e-5)
    assert small.predict(image).labels.shape == (150, 210)


def test_neither_torch_nor_its_friends_are_needed(place, tmp_path):
    """What docs/networks.md says to install is enough: everything else of pyproject.toml is missing here."""
    page = (ROOT / "docs" / "networks.md").read_text()
    line = next(line for line in page.splitlines() if line.startswith("pip install numpy"))
    needed = {name for name in line.split()[2:]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    modules = {
        "pillow": "PIL",
        "huggingface-hub": "huggingface_hub",
        "pyyaml": "yaml",
        "pytorch-lightning": "lightning",
    }
    named = {name.split(">")[0].split("[")[0] for name in [*project["dependencies"], *extras]}
    missing = {modules.get(name, name) for name in named - needed}
    assert {"torch", "scipy", "numba", "transformers", "onnx"} <= missing
    words = ["predict", place / "model.onnx", *images(place), "--out", tmp_path / "out", "--overlays"]
    words += ["--probabilities", "--format", "coco"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(names=repr(missing)), *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    assert {"0.png", "instances.json", "overlays", "probabilities"} <= {
        file.name for file in (tmp_path / "out").iterdir()
    }


def test_no_file_is_left_whose_parity_failed(weakseg, place, tmp_path, monkeypatch):
    """The message says where they differ."""

    def refuse(*_):
        raise NetworkUnavailable("the graph is not the network that was trained: logits differ by 0.3")

    monkeypatch.setattr(onnx_file, "require_parity", refuse)
    said = weakseg("export", place / "run", "--onnx", tmp_path / "model.onnx")
    assert said.code == 2
    assert "differ by 0.3" in said.err
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_stays(weakseg, place):
    """It is said before the network is traced."""
    before = (place / "model.onnx").read_bytes()
    said = weakseg("export", place / "run", "--onnx", place / "model.onnx")
    assert said.code == 2
    assert "exists already" in said.err
    assert (place / "model.onnx").read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"not a graph", b"\x08\x08" + b"\xff" * 100], ids=["empty", "text", "damaged"]
)
def test_other_files_are_refused(weakseg, place, tmp_path, content):
    """One sentence, and what to do."""
    (tmp_path / "model.onnx").write_bytes(content)
    said = weakseg("predict", tmp_path / "model.onnx", *images(place), "--out", tmp_path / "out")
    assert said.code == 2
    assert "cannot be opened" in said.err
    assert "weakseg export RUN --onnx" in said.err


def test_graphs_of_others_are_refused(weakseg, place, tmp_path):
    """They may be anything; nothing says what their values mean."""
    import onnx

    model = onnx.load(place / "model.onnx")
    for text in ("", '{"format": 9}', '{"format": 1}', "[", "3"):
        del model.metadata_props[:]
        if text:
            onnx.helper.set_model_props(model, {"weakseg": text})
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        said = weakseg("predict", tmp_path / "model.onnx", *images(place), "--out", tmp_path / "out")
        assert said.code == 2
        assert "cannot be opened" in said.err


@pytest.mark.parametrize("option", [["--crf"], ["--device", "tpu"], ["--recipe", "recipe.py"]])
def test_what_a_file_cannot_do_is_said(weakseg, place, tmp_path, option):
    """A CRF needs the run."""
    said = weakseg("predict", place / "model.onnx", *images(place), "--out", tmp_path / "out", *option)
    assert said.code == 2
    assert "To do" in said.err


def test_nothing_to_write_is_said(weakseg, place):
    """The option is named."""
    said = weakseg("export", place / "run")
    assert said.code == 2
    assert "--onnx" in said.err
