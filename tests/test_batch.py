"""A batch made by hand: what people have is taken where no doubt is possible, and refused by name elsewhere."""

import re

import numpy as np
import pytest
import torch

from weakseg import Batch, Fit, PartialDice, Regularize, SeedsOnly
from weakseg.energies.entropy import Entropy
from weakseg.errors import EvidenceInvalid
from weakseg.papers import MultipleInstance, SoftMultipleInstance
from weakseg.types import UNLABELED

GENERATOR = torch.Generator().manual_seed(0)
IMAGE = torch.rand(2, 3, 8, 12, generator=GENERATOR)
SEEDS = torch.randint(-1, 3, (2, 8, 12), generator=GENERATOR)
LOGITS = torch.randn(2, 3, 8, 12, generator=GENERATOR)
IN_FILES = torch.where(SEEDS < 0, 255, SEEDS).to(torch.uint8)


def unchecked(function):
    """The function without the tests' own type checks, as users have it."""
    return getattr(function, "__wrapped__", function)


def loss(image, seeds, **settings):
    """Partial cross entropy of fixed logits."""
    return float(Fit(SeedsOnly())(LOGITS, Batch.from_seeds(image, seeds, n_classes=3, **settings)))


RIGHT = loss(IMAGE, SEEDS)


@pytest.mark.parametrize(
    ("image", "seeds", "settings"),
    [
        (IMAGE.numpy(), SEEDS.numpy(), {}),
        (IMAGE.double(), SEEDS.to(torch.int8), {}),
        (IMAGE, IN_FILES, {"unlabeled": 255}),
        (IMAGE, IN_FILES.numpy().astype(">u2"), {"unlabeled": 255}),
        ((IMAGE * 255).to(torch.uint8), SEEDS, {}),
    ],
    ids=["numpy", "other precision", "255 by name", "sixteen bits of another byte order", "eight bits"],
)
def test_what_leaves_no_doubt_is_taken(image, seeds, settings):
    """The same loss, whatever library and kind of numbers it comes in."""
    assert loss(image, seeds, **settings) == RIGHT
    batch = Batch.from_seeds(image, seeds, n_classes=3, **settings)
    assert batch.image.is_floating_point()
    assert batch.image.max() <= 1


SHAPES = {
    "rows and columns exchanged": SEEDS.transpose(1, 2),
    "a channel axis": SEEDS[:, None],
    "images last": SEEDS.permute(1, 2, 0),
    "a plane a class": torch.nn.functional.one_hot(SEEDS.clamp(min=0), 3).permute(0, 3, 1, 2),
}


@pytest.mark.parametrize("given", SHAPES.values(), ids=SHAPES)
def test_seeds_of_another_shape_are_named_and_the_advice_gives_the_right_shape(given):
    """The message's own expression, evaluated, brings them to the images' shape."""
    with pytest.raises(EvidenceInvalid, match=re.escape(str(tuple(given.shape)))) as error:
        loss(IMAGE, given)
    expression = re.search(r"seeds(?:\[[^]]*\]|\.\w+\([^)]*\))", error.value.fix)
    assert expression, error.value.fix
    followed = eval(expression[0], {"seeds": given})
    assert followed.shape == SEEDS.shape
    if "class" not in error.value.fix:
        assert loss(IMAGE, followed) == RIGHT


def test_one_map_for_one_image_needs_its_axis_and_is_told_so():
    """The commonest slip with a single image."""
    with pytest.raises(EvidenceInvalid, match=r"seeds\[None\]"):
        Batch.from_seeds(IMAGE[:1], SEEDS[0], 3)
    with pytest.raises(EvidenceInvalid, match=r"image\[None\]"):
        Batch.from_seeds(IMAGE[0], SEEDS[:1], 3)


@pytest.mark.parametrize(
    ("image", "seeds", "word"),
    [
        (IMAGE, SEEDS / 255, "ToTensor"),
        (IMAGE, SEEDS.float(), "float32"),
        (IMAGE, SEEDS == 1, "bool"),
        (IMAGE, SEEDS.to(torch.complex64), "complex64"),
        (IMAGE, SEEDS.to_sparse(), "to_dense"),
        (IMAGE.to("meta"), SEEDS, "meta device"),
        (IMAGE, SEEDS[:, ::2, ::2], "without interpolation"),
        (IMAGE, SEEDS.repeat(2, 1, 1), "as many"),
        (IMAGE, torch.where(SEEDS < 0, -100, SEEDS), "unlabeled=-100"),
        (IMAGE, IN_FILES, "unlabeled=255"),
        (IMAGE, SEEDS + 1, "count all of them"),
        (IMAGE, None, "NoneType"),
        (IMAGE, "scribbles.png", "str"),
        (IMAGE.permute(0, 2, 3, 1), SEEDS, r"permute\(0, 3, 1, 2\)"),
        (IMAGE * 255, SEEDS, "from .* to 25"),
        (IMAGE * 65535, SEEDS, "divide by the largest"),
        ((IMAGE - 0.45) / 0.22, SEEDS, "mean subtracted"),
        ((IMAGE * 4095).to(torch.int32), SEEDS, "4095 for 12 bits"),
        (IMAGE.where(IMAGE > 0.1, torch.nan), SEEDS, "nan or infinite"),
        ("image.png", SEEDS, "str"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(image, seeds, word):
    """A plausible loss from labels that mean something else would be the worst answer."""
    with pytest.raises(EvidenceInvalid, match=word):
        loss(image, seeds)


@pytest.mark.parametrize("n_classes", [0, -1, 2.0, True, None, "three"])
def test_the_number_of_classes_is_a_whole_number(n_classes):
    """A class list given in its place is refused as well."""
    with pytest.raises(EvidenceInvalid, match="n_classes"):
        unchecked(Batch.from_seeds)(IMAGE, SEEDS, n_classes)


def test_strange_values_count_only_where_the_image_does():
    """Padding may hold anything."""
    valid = torch.ones(2, 8, 12, dtype=torch.bool)
    valid[:, 4:] = False
    image = torch.where(valid[:, None], IMAGE, torch.nan)
    assert np.isfinite(loss(image, SEEDS, valid=valid))


OBJECTIVES = [Fit(SeedsOnly()), PartialDice(), Regularize(Entropy()), MultipleInstance(), SoftMultipleInstance()]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=[type(each).__name__ for each in OBJECTIVES])
@pytest.mark.parametrize(
    ("shape", "word"),
    [((2, 4, 8, 12), "4"), ((2, 1, 8, 12), "second one"), ((3, 3, 8, 12), "2 images"), ((2, 8, 12), "rows, columns")],
    ids=["other classes", "one output", "other images", "no class axis"],
)
def test_logits_that_do_not_fit_the_batch_are_refused(objective, shape, word):
    """By every objective, before it computes anything."""
    with pytest.raises(EvidenceInvalid, match=word):
        unchecked(type(objective).__call__)(objective, torch.zeros(shape), Batch.from_seeds(IMAGE, SEEDS, 3))


def test_outputs_that_are_no_tensor_and_batches_that_are_none_are_named():
    """A tuple of outputs, a dict, labels in the place of a batch."""
    batch = Batch.from_seeds(IMAGE, SEEDS, 3)
    for output in ((LOGITS, LOGITS), {"out": LOGITS}, None):
        with pytest.raises(EvidenceInvalid, match="output.logits"):
            unchecked(Fit.__call__)(Fit(SeedsOnly()), output, batch)
    with pytest.raises(EvidenceInvalid, match="Batch.from_seeds"):
        unchecked(Fit.__call__)(Fit(SeedsOnly()), LOGITS, SEEDS)


def test_a_batch_shows_itself_in_a_few_lines():
    """Arrays by kind and shape, never by their numbers."""
    shown = repr(Batch.from_seeds(IMAGE, SEEDS, 3))
    assert "image=float32[2, 3, 8, 12]" in shown
    assert "seeds=int64[2, 8, 12]" in shown
    assert len(shown) < 600
    assert (SEEDS != UNLABELED).any()
