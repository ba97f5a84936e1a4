"""A batch made by hand: what people have is taken where no doubt is possible, and refused by name elsewhere."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from weakseg import UNTOLD, Batch, Fit, Memory, PartialDice, Regularize, SeedsOnly, Solution
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
    return float(Fit(SeedsOnly())(LOGITS, Batch.of(image, n_classes=3, seeds=seeds, **settings)))


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
    batch = Batch.of(image, n_classes=3, seeds=seeds, **settings)
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
        Batch.of(IMAGE[:1], 3, seeds=SEEDS[0])
    with pytest.raises(EvidenceInvalid, match=r"image\[None\]"):
        Batch.of(IMAGE[0], 3, seeds=SEEDS[:1])


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


@pytest.mark.parametrize("n_classes", [0, 1, -1, 2.0, True, None, "three"])
def test_the_number_of_classes_is_a_whole_number(n_classes):
    """A class list given in its place is refused as well."""
    with pytest.raises(EvidenceInvalid, match="n_classes"):
        unchecked(Batch.of)(IMAGE, n_classes, seeds=SEEDS)


def test_strange_values_count_only_where_the_image_does():
    """Padding may hold anything."""
    valid = torch.ones(2, 8, 12, dtype=torch.bool)
    valid[:, 4:] = False
    image = torch.where(valid[:, None], IMAGE, torch.nan)
    assert np.isfinite(loss(image, SEEDS, valid=valid))


TAGS = torch.tensor([[1, 0, -1], [0, 1, 1]])
AREAS = torch.tensor([[[0.0, 1.0], [0.1, 0.3], [0.0, 0.0]], [[0.2, 0.2], [0.0, 1.0], [0.5, 1.0]]])
BOXES = (torch.empty(0, 5), torch.tensor([[2.0, 1, 3, 4, 9], [1.0, 0, 0, 8, 12]]))
SOFT = LOGITS.softmax(1) / 2


@pytest.mark.parametrize("of", [lambda each: each, lambda each: each.numpy()], ids=["torch", "numpy"])
def test_all_that_is_known_goes_in_by_one_call(of):
    """Each label arrives as it was given, from either library, and what is not given is unknown."""
    labels = torch.where(IN_FILES < 2, 1, 255)
    known = {"tags": of(TAGS), "areas": of(AREAS), "boxes": [of(each) for each in BOXES], "keys": ["a", "b"]}
    batch = Batch.of(of(IMAGE), 3, seeds=of(IN_FILES), targets=of(labels), unlabeled=255, **known)
    assert torch.equal(batch.weak.seeds, SEEDS)
    assert torch.equal(batch.weak.tags, TAGS)
    assert torch.equal(batch.weak.areas, AREAS)
    assert all(map(torch.equal, batch.weak.boxes, BOXES))
    assert batch.keys == ("a", "b")
    assert torch.equal(batch.targets, torch.where(IN_FILES < 2, 1, UNLABELED))  # pyright: ignore[reportArgumentType]
    soft = Batch.of(of(IMAGE), 3, targets=of(SOFT))
    assert torch.equal(soft.targets, SOFT)  # pyright: ignore[reportArgumentType]
    assert (soft.weak.seeds == UNLABELED).all()
    assert (soft.weak.tags == UNTOLD).all()
    assert torch.equal(soft.weak.areas, torch.tensor([0.0, 1.0]).expand(2, 3, 2))
    assert [each.shape for each in soft.weak.boxes] == [(0, 5), (0, 5)]
    assert soft.keys == ("0", "1")
    assert torch.equal(Batch.of(IMAGE, 3, tags=TAGS > 0).weak.tags, (TAGS > 0).long())


@pytest.mark.parametrize(
    ("known", "word"),
    [
        ({"tags": TAGS[:1]}, r"tags are \(1, 3\)"),
        ({"tags": TAGS.float()}, r"tags\.long"),
        ({"tags": TAGS + 1}, "from 0 to 2"),
        ({"areas": AREAS[:, 0]}, r"areas are \(2, 2\)"),
        ({"areas": AREAS * 100}, "percentages by 100"),
        ({"areas": AREAS.flip(2)}, "the smaller first"),
        ({"boxes": BOXES[1]}, r"boxes\[0\] is \(5,\)"),
        ({"boxes": BOXES[:1]}, "boxes are for 1 images"),
        ({"boxes": 3}, "of type int"),
        ({"boxes": (BOXES[0], BOXES[1][:, 1:])}, "class first"),
        ({"boxes": (BOXES[0], BOXES[1] + 1)}, r"boxes\[1\] holds \[3.0, 2.0"),
        ({"boxes": (BOXES[0], BOXES[1][:, [0, 3, 4, 1, 2]])}, "top < bottom"),
        ({"targets": SOFT[:, :2]}, r"targets are \(2, 2, 8, 12\)"),
        ({"targets": LOGITS}, "softmax"),
        ({"targets": SEEDS + 1}, "targets of class 3"),
        ({"targets": SEEDS[:, ::2]}, "targets are"),
        ({"keys": ["a"]}, "keys are"),
        ({"keys": "ab"}, "keys are"),
        ({"keys": [1, 2]}, "keys are"),
        ({"valid": SEEDS}, "booleans of"),
        ({"valid": SEEDS[:, ::2] > 0}, "booleans of"),
    ],
)
def test_what_is_known_in_another_form_is_refused_by_name(known, word):
    """Shape, kind or order; the message says which, and what is expected."""
    with pytest.raises(EvidenceInvalid, match=word):
        unchecked(Batch.of)(IMAGE, 3, **known)


def test_a_batch_moves_to_a_device_with_its_targets():
    """Labels, and a solution with all that it holds."""
    solution = Fit(SeedsOnly()).solution(LOGITS, Batch.of(IMAGE, 3, seeds=SEEDS))
    solution = replace(solution, certificate={"gap": torch.zeros(2)}, memory=Memory(labels=SEEDS))
    moved = Batch.of(IMAGE, 3, targets=SEEDS).to("meta").targets
    assert isinstance(moved, torch.Tensor)
    assert moved.is_meta
    moved = replace(Batch.of(IMAGE, 3), targets=solution).to("meta").targets
    assert isinstance(moved, Solution)
    assert moved.target.is_meta
    assert moved.certificate["gap"].is_meta
    assert moved.memory.labels is not None
    assert moved.memory.labels.is_meta


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
        unchecked(type(objective).__call__)(objective, torch.zeros(shape), Batch.of(IMAGE, 3, seeds=SEEDS))


def test_outputs_that_are_no_tensor_and_batches_that_are_none_are_named():
    """A tuple of outputs, a dict, labels in the place of a batch."""
    batch = Batch.of(IMAGE, 3, seeds=SEEDS)
    for output in ((LOGITS, LOGITS), {"out": LOGITS}, None):
        with pytest.raises(EvidenceInvalid, match="output.logits"):
            unchecked(Fit.__call__)(Fit(SeedsOnly()), output, batch)
    with pytest.raises(EvidenceInvalid, match="Batch.of"):
        unchecked(Fit.__call__)(Fit(SeedsOnly()), LOGITS, SEEDS)


def test_a_batch_shows_itself_in_a_few_lines():
    """Arrays by kind and shape, never by their numbers."""
    shown = repr(Batch.of(IMAGE, 3, seeds=SEEDS))
    assert "image=float32[2, 3, 8, 12]" in shown
    assert "seeds=int64[2, 8, 12]" in shown
    assert len(shown) < 600
    assert (SEEDS != UNLABELED).any()
