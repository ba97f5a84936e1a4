"""What people hand a predictor: the same answer for the same image in whatever form, and a sentence for the rest."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from weakseg.data.images.label_file import read_labels
from weakseg.errors import DataInvalid, EvidenceInvalid
from weakseg.evaluation.predictor import Predictor
from weakseg.types import Classes

torch.manual_seed(0)
EIGHT_BITS = np.random.default_rng(0).integers(0, 256, (3, 20, 28), dtype=np.uint8)
IMAGE = EIGHT_BITS.astype(np.float32) / np.float32(255)
COLOUR = Predictor(nn.Conv2d(3, 3, 1), Classes(("a", "b", "<c>")))
GREY = Predictor(nn.Conv2d(1, 3, 1), Classes(("a", "b", "c")), channels=1)


def read_only(values):
    """An array that may not be written to, as a memory map is."""
    values = values.copy()
    values.flags.writeable = False
    return values


@pytest.mark.parametrize(
    "given",
    [
        EIGHT_BITS,
        torch.from_numpy(IMAGE),
        torch.from_numpy(EIGHT_BITS),
        IMAGE.astype(np.float64),
        np.moveaxis(EIGHT_BITS, 0, -1),
        Image.fromarray(np.moveaxis(EIGHT_BITS, 0, -1)),
        Image.fromarray(np.moveaxis(EIGHT_BITS, 0, -1)).convert("RGBA"),
        read_only(IMAGE),
        IMAGE[:, ::-1][:, ::-1],
    ],
    ids=["8-bit", "torch", "torch-8-bit", "double", "channels-last", "Pillow", "RGBA", "read-only", "strided"],
)
def test_one_image_in_any_form_has_one_answer(given):
    """Probabilities and labels of the image in [0, 1]."""
    np.testing.assert_allclose(COLOUR(given), COLOUR(IMAGE), atol=1e-6)
    assert (COLOUR.labels(given) == COLOUR.labels(IMAGE)).all()


def test_a_path_is_read(tmp_path):
    """As text too."""
    Image.fromarray(np.moveaxis(EIGHT_BITS, 0, -1)).save(tmp_path / "a.png")
    for given in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert (COLOUR.labels(given) == COLOUR.labels(IMAGE)).all()


@pytest.mark.parametrize("given", [EIGHT_BITS[0], EIGHT_BITS[:1], EIGHT_BITS[[0, 0, 0]], EIGHT_BITS[0][..., None]])
def test_grey_comes_with_its_axis_without_and_as_colour(given):
    """Exports of screens are grey in three equal channels."""
    assert (GREY.labels(given) == GREY.labels(IMAGE[:1])).all()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (IMAGE * 255, "from .* to 255"),
        ((IMAGE - 0.5) / 0.2, "mean subtracted"),
        (np.where(IMAGE > 0.9, np.nan, IMAGE), "nan or infinite"),
        ((IMAGE * 4095).astype(np.uint16), "65535 for 16-bit files"),
        (EIGHT_BITS.astype(np.int64), "int64"),
        (IMAGE[:2], "2 channels"),
        (IMAGE[:1], "1 channels"),
        (IMAGE[None], "one by one"),
        (IMAGE[0, 0], "1 axes"),
        (IMAGE[:, :0], "at least one pixel"),
        (None, "NoneType"),
        ([1, 2], "list"),
        ("nowhere.png", "missing"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(given, word):
    """Never a mask of values that mean something else, and never a word about the network."""
    with pytest.raises(DataInvalid, match=word) as error:
        COLOUR.labels(given)
    assert "diverged" not in str(error.value)


class Outputs(nn.Module):
    """A network that wraps its logits."""

    def __init__(self, wrap):
        super().__init__()
        self.body, self.wrap = COLOUR.network, wrap

    def forward(self, image):
        """The logits, wrapped."""
        return self.wrap(self.body(image))


def test_logits_are_found_among_a_network_s_outputs():
    """torchvision's dict is known; of a tuple nobody says which part they are."""
    assert (replace(COLOUR, network=Outputs(lambda x: {"out": x})).labels(IMAGE) == COLOUR.labels(IMAGE)).all()
    with pytest.raises(EvidenceInvalid, match="tuple"):
        replace(COLOUR, network=Outputs(lambda x: (x, x))).labels(IMAGE)


def test_a_prediction_shows_itself_and_saves_itself(tmp_path):
    """In a notebook as an image with the classes' names and shares; in a file by the training's numbers."""
    prediction = replace(COLOUR, numbers=(1, 2, 300)).predict(EIGHT_BITS)
    shown = prediction._repr_html_()
    assert "data:image/png;base64," in shown
    assert "&lt;c&gt;" in shown
    assert prediction.overlay.shape == (20, 28, 3)
    assert sum(prediction.shares.values()) == pytest.approx(1)
    prediction.save(tmp_path / "mask.png")
    assert (read_labels(tmp_path / "mask.png") == np.array([1, 2, 300])[COLOUR.labels(IMAGE)]).all()


def test_records_fit_a_screen():
    """Whatever a network is made of."""
    deep = Predictor(nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(50))), Classes(tuple(map(str, range(300)))))
    assert len(repr(deep)) < 250
    assert len(repr(COLOUR.predict(IMAGE))) < 250
