"""The parallel steps of a dense CRF in plain torch: what numba gives."""

from dataclasses import replace

import pytest
import torch
from batches import batch_of, mixed
from torch.nn import functional as F

from weakseg import Evidence, MeanField
from weakseg.energies import DenseCRF
from weakseg.mean_field.parallel_crf import steps_of_tensors
from weakseg.types import UNLABELED

CRFS = [DenseCRF(), DenseCRF.ccnn_tuned(), DenseCRF(sxy=0.4, srgb=0.3, compat=5.0, smooth_sxy=0.1, smooth_compat=0.0)]


def difficult() -> Evidence:
    """Noise for images, where nearly every pixel has corners of its own; void, and an image that is nothing else."""
    logits, batch = mixed()
    weak = replace(batch.weak, seeds=torch.full_like(batch.weak.seeds, UNLABELED))
    return Evidence(batch.image, logits.log_softmax(1), weak)


def smooth() -> Evidence:
    """Two images with soft shades and a little noise, as photographs are."""
    generator, size = torch.Generator().manual_seed(0), (60, 80)
    image = F.interpolate(torch.rand(2, 3, 5, 6, generator=generator), size, mode="bicubic")
    image = (image + 0.02 * torch.randn(image.shape, generator=generator)).clamp(0, 1)
    scores = torch.randn(2, 5, *size, generator=generator).log_softmax(1)
    return Evidence(image, scores, batch_of(torch.full((2, *size), UNLABELED), classes=5).weak)


@pytest.mark.parametrize("steps", [1, 3, 10])
@pytest.mark.parametrize("crf", CRFS, ids=["usual", "tuned", "appearance"])
@pytest.mark.parametrize("evidence", [difficult(), smooth()], ids=["difficult", "smooth"])
def test_torch_steps_to_where_numba_steps(evidence, crf, steps):
    """Images together, against each on its own; a single order of blurs, or targets would differ by up to a half."""
    numba = MeanField(crf, steps=steps, damped=False).solve(evidence).target
    found = steps_of_tensors(evidence.log_probs, crf.built(evidence, evidence.log_probs.shape[2:]), 1.0, steps)
    assert found.dtype == evidence.log_probs.dtype
    torch.testing.assert_close(found, numba, atol=1e-3, rtol=0)


def test_the_certificate_is_that_of_each_image_alone():
    """Energies, residuals and statuses, that of an image without valid pixels included."""
    solver, evidence = MeanField(steps=3, damped=False), difficult()
    alone, found = solver.solve(evidence), solver._in_tensors(evidence, DenseCRF())
    assert tuple(one.status for one in found) == alone.status
    for name, values in {"energy": alone.energy, **alone.certificate}.items():
        together = torch.tensor([one.numbers[name] for one in found], dtype=values.dtype)
        torch.testing.assert_close(together, values, atol=1e-4, rtol=1e-4)


def test_nothing_valid_is_nothing_refined():
    """The prediction comes back."""
    evidence = difficult()
    void = replace(evidence, weak=replace(evidence.weak, valid=torch.zeros_like(evidence.weak.valid)))
    found = steps_of_tensors(void.log_probs, DenseCRF().built(void, void.log_probs.shape[2:]), 1.0, 3)
    torch.testing.assert_close(found, void.log_probs.exp())
