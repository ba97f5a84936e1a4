"""The image-level prior changes predictions, not training."""

from dataclasses import replace

import pytest
import torch
from batches import batch_of
from images import Tiny

from weakseg.errors import RecipeInvalid
from weakseg.networks import ImageLevelPrior, UNet
from weakseg.networks.image_level_prior import log_prior
from weakseg.papers import SoftMultipleInstance
from weakseg.recipe.json_codec import decode, encode
from weakseg.types import PRESENT, UNLABELED, UNTOLD

IMAGES = torch.rand((3, 1, 24, 32), generator=torch.Generator().manual_seed(0))


def built(spec):
    """A network from a seed of its own."""
    torch.manual_seed(0)
    return spec.build(1, 4)


def test_probabilities_are_multiplied_by_those_of_the_image():
    """By brute force: softmax over classes at each cell times softmax of log-mean-exp scores, normalised again."""
    plain, prior = built(UNet(8, 1)).eval(), built(ImageLevelPrior(UNet(8, 1), sharpness=3.0)).eval()
    logits = plain(IMAGES)
    smooth = torch.exp(3.0 * logits).mean((2, 3)).log() / 3.0
    product = logits.softmax(1) * smooth.softmax(1)[:, :, None, None]

    torch.testing.assert_close(prior(IMAGES).softmax(1), product / product.sum(1, keepdim=True))


def test_training_sees_the_network_s_own_logits():
    """The loss of multiple instances already has the image's probabilities in it."""
    plain, prior = built(UNet(8, 1)).train(), built(ImageLevelPrior(UNet(8, 1))).train()

    assert torch.equal(plain(IMAGES), prior(IMAGES))
    assert list(plain.state_dict()) == list(prior.state_dict())


def test_the_prior_is_that_of_soft_multiple_instances():
    """So that prediction and training, at one sharpness, mean the same by an image's class."""
    logits, k = torch.randn((1, 4, 8, 12), generator=torch.Generator().manual_seed(1)), 2
    batch = batch_of(torch.full((1, 16, 24), UNLABELED))
    tags = torch.full((1, 4), UNTOLD).index_fill(1, torch.tensor([k]), PRESENT)
    loss = SoftMultipleInstance(sharpness=5.0)(logits, replace(batch, weak=replace(batch.weak, tags=tags)))

    torch.testing.assert_close(-log_prior(logits, 5.0)[0, k], loss)


def test_a_record_makes_the_network_again():
    """Of any network, its own kind kept."""
    spec = ImageLevelPrior(UNet(8, 1), sharpness=2.0)

    assert decode(encode(spec)) == spec
    again = spec.rebuild(1, 4, {}).eval()
    again.load_state_dict(built(spec).state_dict())
    assert torch.equal(again(IMAGES), built(spec).eval()(IMAGES))
    assert ImageLevelPrior(Tiny()).build(1, 4)(IMAGES).shape == (3, 4, 12, 16)


def test_large_logits_stay_finite():
    """Of either sign."""
    logits = 1e4 * torch.randn((2, 4, 5, 6), generator=torch.Generator().manual_seed(1))

    assert log_prior(logits, 5.0).isfinite().all()


def test_a_sharpness_of_nothing_is_refused():
    """It would divide by 0."""
    with pytest.raises(RecipeInvalid, match="above 0"):
        ImageLevelPrior(UNet(), sharpness=0.0)
