"""Which images make up a step is settled by seed, epoch and step."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from images import Squares, tiny_recipe
from torch.utils.data import DataLoader

from weakseg import Augment
from weakseg.recipe.recipe import steps_per_epoch
from weakseg.train.loader import Share, Views, batches_of, order
from weakseg.train.targets import Targets


@given(st.integers(1, 50), st.integers(1, 12), st.integers(0, 5), st.integers(0, 5))
def test_an_epoch_shows_every_image_about_equally_often(count, batch_size, seed, epoch):
    """Full batches only; nothing twice while there is something unseen."""
    steps = order(count, batch_size, seed, epoch)

    shown = np.bincount(np.ravel(steps), minlength=count)
    assert all(len(step) == batch_size for step in steps)
    assert shown.max() - shown.min() <= 1
    assert order(count, batch_size, seed, epoch) == steps


def test_epochs_and_seeds_are_shuffled_differently():
    """No two epochs come in the same order."""
    orders = {str(order(20, 4, seed, epoch)) for seed in range(3) for epoch in range(3)}

    assert len(orders) == 9


@pytest.mark.parametrize("of", [2, 4])
def test_processes_share_the_batch_of_one(of):
    """The parts of several processes, put together, are the batch one process would see."""
    recipe = tiny_recipe(training=Squares(), augment=Augment(crop=(16, 16)))
    ((whole,), *_) = batches_of(recipe, range(3, 4))
    shares = [Share(rank, of) for rank in range(of)]
    parts = [next(iter(batches_of(recipe, range(3, 4), share)))[0] for share in shares]

    for rank, part in enumerate(parts):
        assert part.keys == whole.keys[rank::of]
        assert torch.equal(part.image, whole.image[rank::of])


def test_worker_processes_cut_the_same_views(tmp_path):
    """Two workers over two epochs give, batch by batch, what no workers give."""
    recipe = tiny_recipe(training=Squares(), augment=Augment(crop=(16, 16)))
    alone = [batch for (batch,) in batches_of(recipe, range(2))]
    helped = [batch for (batch,) in batches_of(recipe, range(2), workers=2)]

    assert [batch.keys for batch in alone] == [batch.keys for batch in helped]
    assert all(torch.equal(one.image, other.image) for one, other in zip(alone, helped, strict=True))


def test_a_small_set_is_gone_through_in_other_views():
    """An epoch has its least number of steps; an image that comes again is seen differently, and the first as ever."""
    recipe = tiny_recipe(training=Squares(3), augment=Augment(crop=(16, 16)), batch_size=2, least_steps=6)
    steps = [batch for (batch,) in batches_of(recipe, range(1))]
    assert len(steps) == steps_per_epoch(3, 2, 6) == 6
    views = [(key, image) for batch in steps for key, image in zip(batch.keys, batch.image, strict=True)]
    assert sorted(Counter(key for key, _ in views).values()) == [4, 4, 4]
    different = {(key, image.numpy().tobytes()) for key, image in views}
    assert len(different) == len(views)
    ((first,), *_) = batches_of(
        tiny_recipe(training=Squares(3), augment=Augment(crop=(16, 16)), batch_size=2), range(1)
    )
    assert torch.equal(first.image, steps[0].image)


def test_views_of_ones_own_loop_follow_the_generator_of_torch(tmp_path):
    """The same seed gives the same views, another seed others; targets travel with the seeds they equal."""
    targets = Targets(tmp_path)
    for sample in (Squares()[i] for i in range(len(Squares()))):
        targets.keep(sample, sample.seeds)
    views = Views(Squares(), Augment(crop=(16, 16)))
    loader = lambda: DataLoader(views, batch_size=5, shuffle=True, collate_fn=Views.collate)  # noqa: E731

    def epoch(seed):
        torch.manual_seed(seed)
        return list(loader())

    first, again, other = epoch(0), epoch(0), epoch(1)
    assert [len(batch.keys) for batch in first] == [5, 5, 2]
    assert sorted(key for batch in first for key in batch.keys) == sorted(Squares().keys)
    assert all(torch.equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0].image, other[0].image)
    assert first[0].targets is None
    views.targets = targets
    for batch in epoch(0):
        assert isinstance(batch.targets, torch.Tensor)
        assert torch.equal(batch.targets, batch.weak.seeds)
