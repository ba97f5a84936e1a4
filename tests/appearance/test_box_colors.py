"""Colours in and around boxes: what they tell, and when they tell nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from weakseg import Batch, Evidence
from weakseg.appearance import BoxColors
from weakseg.errors import RecipeInvalid

BLUE, GREEN = (0.1, 0.2, 0.8), (0.3, 0.6, 0.2)
BOX = (8.0, 8.0, 48.0, 56.0)


def evidence_of(image, boxes, valid=None, classes=3):
    """One image and its (class, top, left, bottom, right) rows."""
    size = image.shape[1:]
    batch = Batch.of(image[None].astype(np.float32), classes, seeds=np.full((1, *size), -1), valid=valid)
    weak = replace(batch.weak, boxes=(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 5),))
    return Evidence(batch.image, torch.full((1, classes, *size), 1 / classes).log(), weak)


def scene(filled: float):
    """A blue thing in the upper part of a box, on grass; and where it is."""
    generator = np.random.default_rng(0)
    image = np.array(GREEN)[:, None, None] + generator.normal(0, 0.03, (3, 64, 64))
    thing = np.zeros((64, 64), bool)
    thing[8 : 8 + round(40 * filled), 8:56] = True
    image[:, thing] = np.array(BLUE)[:, None] + generator.normal(0, 0.03, (3, thing.sum()))
    return image.clip(0, 1), thing


@pytest.mark.parametrize("filled", [0.3, 0.6, 1.0])
def test_the_thing_is_told_from_what_surrounds_it_however_full_its_box_is(filled):
    """No share is given: grass in the box is known from the grass outside."""
    image, thing = scene(filled)
    costs = BoxColors(cell_px=1)(evidence_of(image, [(1, *BOX)]), (64, 64))[0].numpy()
    assert ((costs[1] < costs[0]) == thing).mean() > 0.98
    assert (costs >= 0).all()


def test_outside_its_boxes_a_class_costs_the_most_and_without_boxes_nothing_costs():
    """And where the box is the whole image, nothing is outside that could be told from it."""
    image, _ = scene(0.6)
    costs = BoxColors(misled=0.1)(evidence_of(image, [(1, *BOX)]), (16, 16))[0]
    assert costs[1, :2] == pytest.approx(-np.log(0.1))
    assert costs[0, :2] == pytest.approx(-np.log(0.9), abs=1e-4)
    assert not BoxColors()(evidence_of(image, []), (16, 16)).any()
    assert not BoxColors()(evidence_of(image, [(1, 0, 0, 64, 64)]), (16, 16)).any()


def test_two_things_have_colours_of_their_own():
    """A red one in the other corner costs as class 2 where it is, and as class 1 nowhere less."""
    image, thing = scene(0.4)
    image[:, 50:62, 50:62] = np.array([0.8, 0.1, 0.1])[:, None, None]
    costs = BoxColors(cell_px=1)(evidence_of(image, [(1, *BOX[:2], 30, 56), (2, 48, 48, 64, 64)]), (64, 64))[0]
    labels = costs.argmin(0).numpy()
    assert (labels[thing] == 1).mean() > 0.98
    assert (labels[50:62, 50:62] == 2).mean() > 0.98


def test_void_says_nothing_and_company_changes_nothing():
    """The same bits for an image alone, beside another one, and whatever lies under its padding."""
    image, _ = scene(0.5)
    valid = np.ones((1, 64, 64), bool)
    valid[:, :, 60:] = False
    other = image.copy()
    other[:, :, 60:] = 0.5
    one = BoxColors()(evidence_of(image, [(1, *BOX)], valid), (16, 16))
    assert torch.equal(one, BoxColors()(evidence_of(other, [(1, *BOX)], valid), (16, 16)))
    mine, dull = evidence_of(image, [(1, *BOX)]), evidence_of(np.full((3, 64, 64), 0.5), [])
    both = Evidence(
        torch.cat([dull.image, mine.image]),
        torch.cat([dull.log_probs, mine.log_probs]),
        Batch.of(torch.cat([dull.image, mine.image]), 3, seeds=np.full((2, 64, 64), -1)).weak,
    )
    both = replace(both, weak=replace(both.weak, boxes=dull.weak.boxes + mine.weak.boxes))
    assert torch.equal(BoxColors()(both, (16, 16))[1:], BoxColors()(mine, (16, 16)))


def test_a_cell_that_is_partly_void_costs_what_its_valid_part_does():
    """Rings of void around things are common in masks, and what lies under them looks like nothing in the box."""
    image, _ = scene(1.0)
    valid = np.ones((1, 64, 64), bool)
    valid[:, :, 16:22] = False
    cost = BoxColors(cell_px=1)(evidence_of(image, [(1, *BOX)], valid), (8, 8))[0, :, 3, 2]
    whole = BoxColors(cell_px=1)(evidence_of(image, [(1, *BOX)], valid), (8, 8))[0, :, 3, 4]
    assert cost.numpy() == pytest.approx(whole.numpy(), abs=0.1)
    void = BoxColors(cell_px=1)(evidence_of(image, [(1, *BOX)], valid), (32, 32))[0, :, 12, 9]
    assert not void.any()


@pytest.mark.parametrize("box", [(30.0, 30.0, 30.5, 30.5), (-40.0, -40.0, -30.0, -30.0), (60.0, 60.0, 90.0, 90.0)])
def test_boxes_smaller_than_a_cell_or_cut_by_the_view_are_judged_where_they_are(box):
    """Never a number that is none."""
    image, _ = scene(0.5)
    for channels in (1, 3, 5):
        costs = BoxColors()(evidence_of(np.resize(image, (channels, 64, 64)), [(1, *box)]), (16, 16))
        assert costs.isfinite().all()


@pytest.mark.parametrize("wrong", [{"cell_px": 0}, {"misled": 0.0}, {"misled": 0.5}])
def test_settings_that_mean_nothing_are_refused(wrong):
    """By name."""
    with pytest.raises(RecipeInvalid, match="BoxColors"):
        BoxColors(**wrong)
