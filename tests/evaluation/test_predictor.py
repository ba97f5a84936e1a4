"""A predictor gives the network's answer at the image's own resolution, whatever its size."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from weakseg.energies import DenseCRF
from weakseg.errors import DataInvalid, EvidenceInvalid, RecipeInvalid
from weakseg.evaluation.predictor import Predictor
from weakseg.evaluation.tiles import _spans
from weakseg.types import Classes

CLASSES = Classes(("a", "b", "c"))


def random_image(height, width, channels=3):
    """Noise in [0, 1]."""
    return np.random.default_rng(0).random((channels, height, width), np.float32)


def pixelwise():
    """A network that looks at one pixel at a time."""
    torch.manual_seed(0)
    return nn.Conv2d(3, 3, 1)


class Coarse(nn.Module):
    """The mean of each cell of 8 x 8 pixels."""

    stride = 8

    def forward(self, image):
        """Logits at an eighth of the resolution."""
        return F.avg_pool2d(image, 8) * 5


def test_probabilities_have_the_image_s_size_and_sum_to_one():
    """Also where the network's stride does not divide the image."""
    probabilities = Predictor(Coarse(), CLASSES)(random_image(45, 61))
    assert probabilities.shape == (3, 45, 61)
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-6)


def test_a_pixelwise_network_is_reproduced_exactly():
    """Padding, resizing and cropping leave no trace."""
    network, image = pixelwise(), random_image(45, 61)
    with torch.no_grad():
        expected = network(torch.from_numpy(image)[None])[0].softmax(0)
    np.testing.assert_allclose(Predictor(network, CLASSES)(image), expected, atol=1e-6)


def test_convention_coarse_cells_lie_where_they_looked():
    """An edge seen through cells of 8 pixels stays in place at the far side of an image 8 does not divide."""
    image = np.zeros((3, 8, 93), np.float32)
    image[0, :, :80], image[1, :, 80:] = 1, 1
    assert (Predictor(Coarse(), CLASSES).labels(image) == (np.arange(93) >= 80)).all()


@settings(max_examples=20)
@given(st.integers(20, 300), st.integers(20, 300), st.sampled_from([32, 64, 96]))
def test_tiles_change_nothing_for_a_network_that_looks_nearby(height, width, tile_px):
    """Blended tiles equal the whole image's answer to 1e-5."""
    network, image = pixelwise(), random_image(height, width)
    whole = Predictor(network, CLASSES, tile_px=1000)(image)
    np.testing.assert_allclose(Predictor(network, CLASSES, tile_px=tile_px)(image), whole, atol=1e-5)


def test_tiles_of_a_coarse_network_share_its_cells():
    """Tiles begin on cells, so blending changes a coarse answer only where upsampling looks over a tile's end."""
    image = random_image(200, 330)
    whole = Predictor(Coarse(), CLASSES, tile_px=1000)(image)
    tiled = Predictor(Coarse(), CLASSES, tile_px=128)(image)
    assert np.abs(whole - tiled).max() < 0.01


def test_blending_is_smooth_where_tiles_disagree():
    """A network that answers with the tile's mean leaves no step between neighbouring pixels."""

    class Mean(nn.Module):
        def forward(self, image):
            return image.mean((2, 3), keepdim=True).expand(image.shape) * 10

    image = np.zeros((3, 64, 400), np.float32)
    image[0, :, :200], image[1, :, 200:] = 1, 1
    probabilities = Predictor(Mean(), CLASSES, tile_px=128)(image)
    assert np.ptp(probabilities[0]) > 0.9
    assert np.abs(np.diff(probabilities, axis=2)).max() < 0.1


@given(st.integers(1, 3000), st.integers(2, 20), st.sampled_from([1, 14, 32]))
def test_tiles_cover_everything_and_overlap(length, cells, multiple):
    """No pixel is left out, starts lie on the grid, no tile is much larger than asked."""
    spans = _spans(length, cells * multiple, multiple)
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    for (start, stop), (following, _) in zip(spans, spans[1:], strict=False):
        assert start < following < stop
    assert all(start % multiple == 0 and stop - start < (cells + 1) * multiple for start, stop in spans)


def test_labels_are_the_most_probable_classes():
    """Labels and probabilities agree, tiled or not."""
    image = random_image(100, 130)
    for tile_px in (64, 1000):
        predictor = Predictor(pixelwise(), CLASSES, tile_px=tile_px)
        assert (predictor.labels(image) == predictor(image).argmax(0)).all()


def test_training_mode_is_put_back_part_by_part():
    """A frozen part of a training network stays frozen, and nothing learns from being looked at."""
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), nn.BatchNorm2d(3))
    network.train()
    network[2].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    Predictor(network, CLASSES)(random_image(20, 20))
    assert [part.training for part in network] == [True, True, False]
    assert all((value == before[name]).all() for name, value in network.state_dict().items())


def test_another_number_of_channels_is_refused():
    """The message says both numbers."""
    with pytest.raises(DataInvalid, match="1 channel.*\n.*3"):
        Predictor(pixelwise(), CLASSES)(random_image(20, 20, channels=1))


def test_answers_that_are_no_numbers_are_refused():
    """A diverged network is an error, not an image of class 0."""
    network = pixelwise()
    network.weight.data[0] = torch.nan
    with pytest.raises(EvidenceInvalid, match="non-finite"):
        Predictor(network, CLASSES)(random_image(20, 20))


def test_another_number_of_classes_is_refused():
    """A checkpoint of another data set is an error."""
    with pytest.raises(EvidenceInvalid, match="3 classes"):
        Predictor(pixelwise(), Classes(("a", "b")))(random_image(20, 20))


@pytest.mark.parametrize("name", ["banana", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_named(name):
    """Not a traceback from the depths of torch."""
    with pytest.raises(RecipeInvalid, match=f"'{name}' cannot be used here"):
        Predictor(pixelwise(), CLASSES, device=name)


def test_a_crf_refines_images_predicted_together_too():
    """Small images, which go through the network at once, as well as those in tiles."""
    images = np.stack([random_image(16, 24), random_image(16, 24)[:, ::-1]])
    for tile_px in (8, 64):
        refined = Predictor(pixelwise(), CLASSES, tile_px=tile_px, crf=DenseCRF())
        together = np.exp(refined.log_probs(images)[1])
        np.testing.assert_allclose(together, refined(images[1]), rtol=1e-5)
        assert not np.allclose(together, replace(refined, crf=None)(images[1]))


@pytest.mark.parametrize("tile_px", [32, 1024])
def test_images_predicted_together_are_predicted_as_alone(tile_px):
    """A batch is faster on a GPU, and nothing else; large images are cut into tiles all the same."""
    predictor = Predictor(Coarse(), CLASSES, tile_px=tile_px)
    images = np.stack([random_image(45, 61), random_image(45, 61)[:, ::-1]])
    for alone, together in zip(map(predictor, images), predictor.log_probs(images), strict=True):
        np.testing.assert_allclose(np.exp(together), alone, atol=1e-6)


@pytest.mark.parametrize("tile_px", [32, 1024])
def test_what_rounds_to_a_probability_of_nothing_is_unlikely_not_impossible(tile_px):
    """Minus infinity, times a target of 0, would be NaN."""
    network = pixelwise()
    network.weight.data *= 1e4
    predictor = Predictor(network, CLASSES, tile_px=tile_px)
    assert (predictor(random_image(45, 61)) == 0).any()
    assert np.isfinite(predictor.log_probs(random_image(45, 61)[None])).all()
