"""The same answers on a GPU as on the CPU; skipped where there is none."""

import pytest
import torch
from batches import mixed

from weakseg import (
    AlphaExpansion,
    DualProjection,
    Evidence,
    Fit,
    JointProjection,
    MeanField,
    PartialDice,
    Phase,
    Recipe,
    Regularize,
    SeedsOnly,
    SoftSelfLabels,
    Sum,
    train_recipe,
)
from weakseg.constraints import All, SizesWithin, UntaggedClassesAbsent
from weakseg.datasets import Scenes
from weakseg.divergences import RobustCrossEntropy
from weakseg.energies import (
    DenseCRF,
    Entropy,
    GatedCRF,
    GridPotts,
    LocalKernel,
    MumfordShah,
    NormalizedCut,
    TotalVariation,
)
from weakseg.networks import UNet
from weakseg.papers import BoxLabels, EmAdapt
from weakseg.simulate import Scribbles, Simulated

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

KERNEL = LocalKernel(radius=0.15, position=0.12, color=0.4)
SOLVERS = [
    SeedsOnly(),
    DualProjection(All((SizesWithin(), UntaggedClassesAbsent()))),
    EmAdapt(),
    BoxLabels(),
    AlphaExpansion(),
    MeanField(steps=3),
    MeanField(damped=False, steps=3),
    SoftSelfLabels(),
    JointProjection(tolerance=1e-5),
    JointProjection(SizesWithin(), temperature=0.3, cell_px=2, tolerance=1e-5),
]
ENERGIES = [
    GridPotts(),
    GridPotts(relaxation=TotalVariation()),
    DenseCRF(),
    GatedCRF(KERNEL),
    NormalizedCut(KERNEL),
    MumfordShah(),
    Entropy(),
]


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_a_solver_finds_the_same_segmentation(solver, stride):
    """Targets and energies, whatever the logits are like."""
    logits, batch = mixed(stride=stride)
    found = [solver.solve(evidence(logits, batch.to(device), device)) for device in ("cpu", "cuda")]
    here, there = found
    assert there.target.device.type == "cuda"
    torch.testing.assert_close(there.target.cpu(), here.target, atol=1e-3, rtol=0)
    torch.testing.assert_close(there.weight.cpu(), here.weight)
    torch.testing.assert_close(there.energy.cpu(), here.energy, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("energy", ENERGIES, ids=repr)
def test_an_energy_has_the_same_value_and_gradient(energy, stride):
    """To what float32 and the order of sums allow.

    Total variation has no slope where neighbours are equal, as along the edges of an enlarged map: rounding chooses a
    sign. A little noise leaves no two so near each other (a millionth, ten times what rounding moves).
    """
    logits, batch = mixed(stride=stride)
    logits = logits + 0.1 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))
    values, gradients = [], []
    for device in ("cpu", "cuda"):
        moved = logits.to(device, copy=True).requires_grad_()
        value = energy(moved.softmax(1), evidence(logits, batch.to(device), device))
        value.sum().backward()
        values.append(value.detach().cpu())
        gradients.append(moved.grad.cpu())
    torch.testing.assert_close(values[1], values[0], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-4, rtol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_an_objective_has_the_same_value_in_mixed_precision(dtype):
    """Half-precision logits are measured in float32 on both."""
    logits, batch = mixed(stride=4)
    objective = Sum((Fit(SeedsOnly(), RobustCrossEntropy(flip=0.3)), PartialDice(), Regularize(GridPotts())))
    here, there = (float(objective(logits.to(d, dtype), batch.to(d))) for d in ("cpu", "cuda"))
    assert there == pytest.approx(here, abs=1e-4)


def test_training_on_a_gpu_learns_resumes_and_remembers(tmp_path):
    """A warm-up, then graph cuts that are remembered; a finished run has nothing left to do."""
    samples = Simulated(Scenes(count=16), (Scribbles(),))
    follow = Fit(AlphaExpansion(), RobustCrossEntropy(flip=0.3))
    phases = (
        Phase(Fit(SeedsOnly()), epochs=4, learning_rate=3e-3),
        Phase(follow, epochs=2, learning_rate=3e-3, update_targets_every=1),
    )
    recipe = Recipe(samples, UNet(width=8), phases, validation=Scenes(count=4, seed=1), bf16=True)
    run = train_recipe(recipe, tmp_path / "run", device="cuda")
    assert run.metrics[3]["loss"] < run.metrics[0]["loss"]
    assert run.metrics[4]["targets_mean_iou"] > 0.3
    again = train_recipe(recipe, tmp_path / "run", device="cuda", resume=True)
    assert len(again.metrics) == recipe.epochs


def evidence(logits, batch, device):
    """What a solver is shown, there."""
    return Evidence(batch.image, logits.to(device).log_softmax(1), batch.weak)
