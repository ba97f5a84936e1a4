"""Scores of runs side by side."""

import numpy as np

from weakseg.evaluation.scores import Scores
from weakseg.report.score_table import score_table
from weakseg.types import Classes

CLASSES = Classes(("ground", "cat", "dog"), background=0)


def scores(matrix):
    """Scores of one image."""
    return Scores(CLASSES, ("a",), ("a",), np.array([matrix]))


BETTER = scores([[8, 0, 0], [0, 2, 0], [0, 0, 0]])
WORSE = scores([[8, 0, 0], [1, 1, 0], [0, 0, 0]])


def test_the_best_run_of_each_row_is_marked():
    """Means come first, then the classes in order."""
    rows = score_table([WORSE, BETTER])
    assert [row.name for row in rows] == ["mean", "ground", "cat", "dog"]
    assert [[cell.best for cell in row.iou] for row in rows] == [[False, True]] * 3 + [[False, False]]
    assert [[cell.best for cell in row.dice] for row in rows] == [
        [False, True],
        [False] * 2,
        [False, True],
        [False] * 2,
    ]


def test_undefined_scores_are_none():
    """The background has no Dice, an absent class has no score."""
    rows = score_table([BETTER])
    assert (rows[1].dice[0].value, rows[3].iou[0].value) == (None, None)
    assert rows[2].iou[0].value == 1


def test_equal_runs_are_not_ranked():
    """One run alone, or several that tie at what is shown, have no best."""
    assert not any(cell.best for row in score_table([BETTER]) for cell in row.iou)
    assert not any(cell.best for row in score_table([BETTER, BETTER]) for cell in row.iou)


def test_the_truth_s_share_of_pixels_stands_beside():
    """A class that is rare explains a score that jumps."""
    assert [row.truth_share for row in score_table([WORSE])] == [None, 0.8, 0.2, 0.0]
