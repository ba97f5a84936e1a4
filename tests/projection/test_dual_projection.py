"""The projection: exact against an independent solver, proved by its certificate, and calm about bad input."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch
from batches import batch_of, mixed
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_problems import SIZE, Given, evidence_of, oracle, random_problem

from weakseg import Evidence, Fit, Memory
from weakseg.constraints.class_shares import ClassShares
from weakseg.constraints.linear_rows import All, LinearRows, class_row, deletion, join, nothing
from weakseg.constraints.sizes import SizesWithin
from weakseg.constraints.tags import TaggedClassesPresent, UntaggedClassesAbsent
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.projection.dual_projection import DualProjection
from weakseg.types import ABSENT, PRESENT, UNLABELED

PIXELS = SIZE[0] * SIZE[1]
few = settings(max_examples=15, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)


def solved(logits, *rows: LinearRows, **options):
    """The projection of a batch onto rows given for each image."""
    return DualProjection(Given(rows), **options).solve(evidence_of(logits))


def one(index: int, classes: int = 4):
    """Weights that count one class."""
    return torch.eye(classes, dtype=torch.float64)[index]


def at_least(index: int, cells: float, price: float = inf, classes: int = 4) -> LinearRows:
    """A class covers at least so many cells."""
    return class_row(one(index, classes), cells, None, price, f"class {index}", grid=SIZE)


def at_most(index: int, cells: float, price: float = inf, classes: int = 4) -> LinearRows:
    """A class covers at most so many cells."""
    return class_row(one(index, classes), None, cells, price, f"class {index}", grid=SIZE)


def kl(target, logits):
    """KL(P || Q) of an image, in nats per pixel, in float64."""
    log_probs = logits.double().log_softmax(0)
    return float((torch.xlogy(target.double(), target.double()) - target.double() * log_probs).sum() / PIXELS)


@pytest.mark.parametrize("block", range(4))
def test_agrees_with_an_interior_point_solver(block):
    """200 problems with upper, lower, equal, ratio, box and dense rows, priced and hard: cvxpy and Clarabel."""
    for seed in range(50 * block, 50 * block + 50):
        logits, rows = random_problem(seed)
        solution = solved(logits[None], rows)
        value, probs = oracle(logits, rows)
        assert float(solution.energy[0]) == pytest.approx(value, abs=1e-6), seed
        assert np.abs(solution.target[0].numpy() - probs).max() < 1e-4, seed
        assert solution.certificate["gap"] < 1e-9
        assert solution.certificate["violation"] < 1e-9


@few
@given(seeds)
def test_certificate_is_the_difference_of_two_values_computed_apart(seed):
    """Gap = primal value of the target - dual value of the multipliers; the first from P alone."""
    logits, rows = random_problem(seed)
    solution = solved(logits[None], rows)
    multipliers = solution.memory.multipliers[0]
    tilt = torch.einsum("n,nchw->chw", multipliers, rows.coefficients())
    dual = float(multipliers @ rows.bounds - (logits.log_softmax(0) + tilt).logsumexp(0).sum()) / PIXELS
    missed = (rows.bounds - rows.values(solution.target[0], torch.ones(SIZE).double())).clamp(min=0)
    owed = float(torch.where(rows.prices.isinf(), 0, rows.prices) @ missed) / PIXELS
    assert kl(solution.target[0], logits) + owed - dual == pytest.approx(float(solution.certificate["gap"]), abs=1e-9)
    assert float(solution.certificate["slack"]) == pytest.approx(owed, abs=1e-9)
    assert float(solution.energy[0]) == pytest.approx(kl(solution.target[0], logits) + owed, abs=1e-9)


@few
@given(seeds)
def test_hard_rows_of_feasible_sets_hold_and_slackness_is_complementary(seed):
    """A row with room left has no multiplier; a priced row that is missed has the whole price."""
    logits, rows = random_problem(seed)
    solution = solved(logits[None], rows)
    multipliers = solution.memory.multipliers[0]
    left = rows.values(solution.target[0], torch.ones(SIZE).double()) - rows.bounds
    assert (left[rows.prices.isinf()] > -1e-7).all()
    assert (multipliers[left > 1e-5] < 1e-4).all()
    assert torch.allclose(multipliers[left < -1e-5], rows.prices[left < -1e-5], atol=1e-4)
    assert ((multipliers >= 0) & (multipliers <= rows.prices)).all()


@few
@given(seeds)
def test_float32_is_as_good_as_its_numbers(seed):
    """Solved from float32 logits, the gap per pixel stays below 1e-6, and so does the violation."""
    logits, rows = random_problem(seed)
    single, double = solved(logits[None].float(), rows), solved(logits[None], rows)
    assert single.target.dtype == torch.float32
    assert single.certificate["gap"] < 1e-6
    assert single.certificate["violation"] < 1e-6
    torch.testing.assert_close(single.target.double(), double.target, atol=1e-4, rtol=0)


@few
@given(seeds, st.permutations(range(4)))
def test_relabelled_classes_give_a_relabelled_target(seed, order):
    """No class is preferred for its index."""
    logits, rows = random_problem(seed)
    moved = replace(rows, weights=rows.weights[:, order], dense=rows.dense[:, order], absent=rows.absent[order])
    plain, other = solved(logits[None], rows), solved(logits[None, order], moved)
    torch.testing.assert_close(other.target, plain.target[:, order], atol=1e-6, rtol=0)


@few
@given(seeds, st.floats(0.01, 5), st.floats(1, 10))
def test_a_higher_price_never_means_more_violation(seed, price, factor):
    """The other prices fixed, a dearer row is missed by as much or less."""
    logits, rows = random_problem(seed)
    missed = []
    for asked in (price, price * factor):
        prices = rows.prices.clone()
        prices[0] = asked
        dearer = replace(rows, prices=prices)
        value = dearer.values(solved(logits[None], dearer).target[0], torch.ones(SIZE).double())
        missed.append(max(0.0, float(rows.bounds[0] - value[0])))
    assert missed[1] <= missed[0] + 1e-7


@pytest.mark.parametrize("seed", range(100))
def test_infeasible_rows_come_with_a_proof(seed):
    """Farkas: multipliers >= 0 that promise more than any segmentation holds; what they name is contradictory."""
    draw = np.random.default_rng(seed)
    logits, feasible = random_problem(seed)
    first, second = draw.permutation(4)[:2]
    share = draw.uniform(0.3, 0.7)
    contradictory = (
        at_least(first, share * PIXELS) + at_most(first, (share - draw.uniform(0.001, 0.2)) * PIXELS),
        at_least(first, share * PIXELS) + at_least(second, (1.001 - share) * PIXELS),
        at_least(first, (1 + draw.uniform(0.001, 1)) * PIXELS),
    )[seed % 3]
    rows = join([feasible, contradictory], 4, SIZE)
    solution = solved(logits[None], rows)
    assert solution.status[0].startswith("Infeasible: ")
    assert solution.certificate["contradiction"] > 0
    assert solution.certificate["violation"] > 0
    assert solution.target.isfinite().all()
    proof = DualProjection(Given((rows,))).answers(images_of(logits, rows))[0].proof
    assert proof is not None
    assert (proof >= 0).all()
    tilt = torch.einsum("n,nchw->chw", proof, rows.coefficients())
    assert float(proof @ rows.bounds) > float(tilt.amax(0).sum())
    assert (proof[rows.prices.isfinite()] == 0).all()
    named = [i for i in range(len(rows)) if proof[i] > 0]
    assert all(f"'{rows.names[i]}'" in solution.status[0] for i in named[:5])


def images_of(logits, rows):
    """What `solve` makes of one image before it climbs."""
    from weakseg.grids.known_cells import known_cells
    from weakseg.projection.grid_problem import grid_problem

    evidence = evidence_of(logits[None])
    known = known_cells(evidence.weak, logits.shape[0], SIZE)
    return [grid_problem(evidence.log_probs[0], rows, known, 0)]


def test_images_side_by_side_are_solved_as_if_alone():
    """The shared steps of an accelerator give each image what it gets alone, whatever rows the others have."""
    from weakseg.grids.known_cells import known_cells
    from weakseg.projection.grid_problem import grid_problem

    problems = [random_problem(seed) for seed in range(6)]
    logits = torch.stack([logits for logits, _ in problems])
    all_rows = [rows for _, rows in problems]
    all_rows[2] = nothing(4, SIZE)
    all_rows[3] = at_least(0, 9.0) + deletion(torch.tensor([False, True, False, False]), None, SIZE)
    evidence = evidence_of(logits)
    known = known_cells(evidence.weak, 4, SIZE)
    images = [grid_problem(evidence.log_probs[i], rows, known, i) for i, rows in enumerate(all_rows)]
    solver, begins = DualProjection(Given(tuple(all_rows))), [np.zeros(len(rows)) for rows in all_rows]
    for image, begin, together in zip(images, begins, solver.climb(images, begins), strict=True):
        alone = solver.climb([image], [begin])[0]
        torch.testing.assert_close(together.probs, alone.probs, atol=1e-6, rtol=0)
        np.testing.assert_allclose(together.multipliers, alone.multipliers, atol=1e-4)


def test_rows_that_leave_no_choice_are_settled_before_the_climb():
    """An upper bound of 0 deletes its class, a lower bound of everything the others; one leads to the next."""
    logits, _ = random_problem(0)
    rows = at_most(0, 0.0) + class_row(one(1) + one(2) + one(0), float(PIXELS), None, inf, "these", grid=SIZE)
    rows += at_most(2, 0.0)
    solution = solved(logits[None], rows)
    assert solution.target[0, 1].eq(1).all()
    assert solution.status == ("Every constraint holds.",)
    assert (solution.memory.multipliers[0] == 0).all()
    assert solution.energy.isfinite().all()


def test_exact_sizes_of_every_class_that_add_up_are_no_contradiction():
    """Equal bounds that sum to the image leave a direction in which nothing changes; it is not walked."""
    logits, _ = random_problem(1)
    sizes = torch.tensor([3.3, 7.7, 12.1, 6.9], dtype=torch.float64)
    rows = join([at_least(k, float(s)) + at_most(k, float(s)) for k, s in enumerate(sizes)], 4, SIZE)
    solution = solved(logits[None], rows)
    torch.testing.assert_close(solution.target[0].sum((1, 2)), sizes, atol=1e-6, rtol=0)
    assert solution.status == ("Every constraint holds.",)


def test_a_violated_lower_bound_is_enforced():
    """A published re-implementation stops at once where no upper bound is violated; ours does not."""
    logits = torch.full((1, 2, *SIZE), -3.0)
    logits[:, 0] = 3.0
    solution = solved(logits, at_least(1, 0.5 * PIXELS, classes=2) + at_most(1, 0.9 * PIXELS, classes=2))
    assert float(solution.target[0, 1].sum()) == pytest.approx(0.5 * PIXELS, abs=1e-3)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e-3])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_price_is_the_most_that_a_logit_is_raised(scale, stride):
    """Price 2 raises a class's log-odds by 2 and no more, whatever the row's scale or the grid."""
    size = (SIZE[0] * stride, SIZE[1] * stride)
    logits = torch.randn((1, 4, *size), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cells = size[0] * size[1]
    row = class_row(one(1) * scale, 2 * cells * scale, None, 2.0, "too much", grid=size)
    solution = solved(logits, row)
    odds = lambda log_probs: log_probs[0, 1] - log_probs[0, 0]  # noqa: E731
    torch.testing.assert_close(odds(solution.target.log()) - odds(logits), torch.full(size, 2.0).double())
    assert solution.memory.multipliers[0].tolist() == [2.0]
    assert solution.status[0].startswith("Violated: 'too much at least")


def test_hardness_sharpens_towards_the_cheapest_labelling():
    """Their code's 1000: P is nearly one-hot, its count obeys the bound, and the multiplier lifts as few as needed."""
    logits = torch.randn((1, 4, *SIZE), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    solution = solved(logits, at_least(1, 12.0), hardness=1000.0)
    assert float(solution.target[0, 1].sum()) == pytest.approx(12, abs=1e-6)
    assert (solution.target.amax(1) > 0.99).double().mean() > 0.9
    # It raises the twelve cells of smallest regret, and not the thirteenth.
    regret = (logits[0].amax(0) - logits[0, 1]).flatten().sort().values
    assert regret[11] - 0.02 <= float(solution.memory.multipliers[0]) <= regret[12] + 0.02


@pytest.mark.parametrize("hardness", [0.5, 10.0])
def test_a_price_is_in_nats_of_the_prediction_at_any_hardness(hardness):
    """An unsatisfied row has the price itself as multiplier, and raises sharpened odds by hardness times it."""
    logits = torch.randn((1, 4, *SIZE), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    solution = solved(logits, at_least(1, 2.0 * PIXELS, price=2.0), hardness=hardness)
    assert solution.memory.multipliers is not None
    assert solution.memory.multipliers[0].tolist() == [2.0]
    odds = lambda log_probs: log_probs[0, 1] - log_probs[0, 0]  # noqa: E731
    expected = hardness * (odds(logits) + 2.0)
    torch.testing.assert_close(odds(solution.target.log()), expected)


@pytest.mark.parametrize("seed", range(5))
def test_a_hard_problem_is_solved_to_the_same_proof(seed):
    """At hardness 1000 the climb goes through softer problems, and still ends with gap and violation near 0."""
    logits, rows = random_problem(seed)
    solution = solved(logits[None], rows, hardness=1000.0)
    assert not solution.status[0].startswith("Not converged")
    assert solution.certificate["gap"] < 1e-8
    assert solution.certificate["violation"] < 1e-8


def test_a_warm_start_takes_fewer_steps():
    """From its own multipliers nothing is left to do; from those of a similar image little."""
    logits, rows = random_problem(5)
    cold = solved(logits[None], rows)
    solver = DualProjection(Given((rows,)))
    assert solver.solve(evidence_of(logits[None]), cold.memory).certificate["steps"] == 0
    nearby = solver.solve(evidence_of(logits[None] + 0.01 * torch.randn_like(logits)), cold.memory)
    assert nearby.certificate["steps"] < cold.certificate["steps"]
    other = Memory(multipliers=(torch.full((3,), torch.nan),))
    torch.testing.assert_close(solver.solve(evidence_of(logits[None]), other).target, cold.target)


def test_marked_pixels_count_and_stay_as_they_are():
    """Eight marks of a class and a bound of ten leave two to be found among the rest."""
    marks = torch.full((1, *SIZE), UNLABELED)
    marks[0, 0, :4], marks[0, 1, :4] = 1, 1
    batch = batch_of(marks)
    logits = torch.zeros((1, 4, *SIZE), dtype=torch.float64)
    rows = at_most(1, 10.0) + at_least(1, 10.0)
    solution = DualProjection(Given((rows,))).solve(Evidence(batch.image, logits.log_softmax(1), batch.weak))
    assert (solution.target[0, 1][marks[0] == 1] == 1).all()
    assert float(solution.target[0, 1].sum()) == pytest.approx(10, abs=1e-6)


@pytest.mark.parametrize("price", [2.0, inf])
def test_a_image_that_is_marked_everywhere_may_break_its_rows(price):
    """Nothing is left to solve for: the marks stay, and hard rows are told to contradict them."""
    logits = torch.randn((1, 4, *SIZE), generator=torch.Generator().manual_seed(0))
    weak = batch_of(torch.zeros((1, *SIZE), dtype=torch.long)).weak
    rows = at_least(1, 0.3 * PIXELS, price) + at_most(0, 0.7 * PIXELS, price)

    solution = DualProjection(Given((rows,))).solve(replace(evidence_of(logits), weak=weak))

    assert solution.target[0, 0].min() == 1
    assert (float(solution.certificate["contradiction"][0]) > 0) == (price == inf)
    assert all(values.isfinite().all() for values in solution.certificate.values())


def test_half_valid_cells_count_half():
    """On a coarse grid, a cell's valid share is what it adds to a count."""
    valid = torch.ones((1, 8, 8), dtype=torch.bool)
    valid[:, :, :2] = False
    batch = batch_of(torch.full((1, 8, 8), UNLABELED), valid)
    row = class_row(one(1), 5.0, None, inf, "class 1", grid=(2, 2))
    solution = DualProjection(Given((row,))).solve(
        Evidence(batch.image, torch.zeros(1, 4, 2, 2).double().log_softmax(1), batch.weak)
    )
    # Three valid cells in four halves: 5 cells are more than there are.
    assert solution.status[0].startswith("Infeasible")
    row = class_row(one(1), 1.5, None, inf, "class 1", grid=(2, 2))
    solution = DualProjection(Given((row,))).solve(
        Evidence(batch.image, torch.zeros(1, 4, 2, 2).double().log_softmax(1), batch.weak)
    )
    assert float((solution.target[0, 1] * torch.tensor([[0.5, 1], [0.5, 1]])).sum()) == pytest.approx(1.5)


def test_gradient_at_hardness_one_is_prediction_minus_projection():
    """Envelope theorem: Fit's gradient, Q - P, is that of the smallest KL itself."""
    logits, rows = random_problem(7)
    logits = logits[None].clone().requires_grad_()
    batch = batch_of(torch.full((1, *SIZE), UNLABELED))
    solver = DualProjection(Given((rows,)))
    Fit(solver)(logits, batch).backward()
    target = solver.solve(evidence_of(logits.detach())).target
    torch.testing.assert_close(logits.grad, (logits.detach().softmax(1) - target) / PIXELS)
    direction = torch.randn_like(logits)
    value = lambda step: float(solver.solve(evidence_of(logits.detach() + step * direction)).energy[0])  # noqa: E731
    slope = (value(1e-4) - value(-1e-4)) / 2e-4
    assert slope == pytest.approx(float((logits.grad * direction).sum()), abs=1e-5)


def test_training_on_tags_alone_brings_a_prediction_to_its_bounds():
    """Gradient steps on free logits until the tagged class has its share and the absent one is gone."""
    batch = batch_of(torch.full((2, *SIZE), UNLABELED))
    batch.weak.tags[:] = torch.tensor([PRESENT, PRESENT, ABSENT, ABSENT])
    objective = Fit(DualProjection(TogetherTags()))
    logits = torch.zeros((2, 4, *SIZE))
    logits[:, 0] = 4.0
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.5)
    for _ in range(30):
        optimizer.zero_grad()
        objective(logits, batch).backward()
        optimizer.step()
    share = logits.softmax(1).mean((2, 3))
    assert (share[:, 1] > 0.19).all()
    assert (share[:, 2:] < 0.01).all()


def test_zero_rows_leave_the_prediction():
    """Nothing is demanded: the nearest distribution is the prediction itself."""
    logits, _ = random_problem(2)
    solution = solved(logits[None], nothing(4, SIZE))
    torch.testing.assert_close(solution.target[0], logits.softmax(0))
    assert solution.status == ("No constraint applies.",)
    assert solution.energy.item() == pytest.approx(0, abs=1e-12)


def test_one_class_only_is_that_class():
    """There is nothing to choose, and a bound over 100 % is a contradiction."""
    logits = torch.zeros((1, 1, *SIZE))
    assert solved(logits, at_most(0, 31.0, classes=1)).target.eq(1).all()
    assert (
        solved(logits, at_least(0, 31.0, classes=1)).status[0].startswith("Infeasible: no segmentation satisfies 'cl")
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_priced_rows_on_the_only_class_left_are_paid_for_at_once(dtype):
    """Nothing can move, so curvature is rounding of either sign: the missed row costs its price, the other nothing."""
    logits = torch.randn((1, 4, *SIZE), generator=torch.Generator().manual_seed(0), dtype=dtype)
    gone = deletion(torch.tensor([False, True, True, True]), None, SIZE)
    rows = gone + at_least(0, 0.3 * PIXELS, 2.0) + at_most(0, 0.7 * PIXELS, 2.0)

    solution = solved(logits, rows)

    assert solution.memory.multipliers is not None
    assert solution.memory.multipliers[0].tolist() == [0.0, 2.0]
    assert float(solution.certificate["gap"][0]) <= 1e-9
    assert solution.target[0, 0].min() == 1


def test_every_class_deleted_is_told_and_ignored():
    """Tags that leave nothing cannot be obeyed."""
    logits, _ = random_problem(3)
    solution = solved(logits[None], deletion(torch.ones(4, dtype=torch.bool), None, SIZE))
    torch.testing.assert_close(solution.target[0], logits.softmax(0))
    assert "Every class is forbidden in 30 cells" in solution.status[0]


def test_nan_logits_are_refused_by_the_image_s_number():
    """The message says which of the batch."""
    logits = torch.zeros((3, 4, *SIZE))
    logits[1, 2, 3, 3] = torch.nan
    with pytest.raises(EvidenceInvalid, match="image 1 of the batch"):
        solved(logits, *[nothing(4, SIZE)] * 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_of_ten_thousand_are_projected(dtype):
    """A sure and wrong prediction still obeys hard rows, with multipliers as large as it takes."""
    logits = torch.zeros((1, 4, *SIZE), dtype=dtype)
    logits[:, 0], logits[:, 1] = 1e4, -1e4
    logits[:, 1, 0] += torch.arange(SIZE[1])
    solution = solved(logits, at_least(1, 6.0))
    assert solution.target.isfinite().all()
    assert float(solution.target[0, 1].sum()) == pytest.approx(6, abs=1e-3)
    assert solution.status == ("Every constraint holds.",)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tag_shares_and_a_background_bound_hold_on_constant_logits_of_ten_thousand(dtype):
    """All pixels sure of the background: it keeps its most, and what it gives up is shared by classes alike.

    On such a dual, flat but for its kinks, the climb once crept along until its steps were used up.
    """
    logits = torch.full((1, 4, *SIZE), -1e4, dtype=dtype)
    logits[:, 0] = 1e4
    rows = at_least(1, 0.05 * PIXELS) + at_least(2, 0.05 * PIXELS)
    rows += at_least(0, 0.3 * PIXELS) + at_most(0, 0.7 * PIXELS)
    solution = solved(logits, rows)
    expected = torch.tensor([0.7, 0.1, 0.1, 0.1], dtype=dtype)[:, None, None].expand(4, *SIZE)
    torch.testing.assert_close(solution.target[0], expected, atol=1e-7, rtol=0)
    assert solution.status == ("Every constraint holds.",)
    assert float(solution.certificate["gap"]) < 1e-8
    assert float(solution.certificate["violation"]) < 1e-9


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seeds, st.sampled_from([20.0, 100.0, 1e3, 1e4]), st.booleans(), st.booleans())
def test_any_finite_logits_reach_their_certificate(seed, scale, constant, sizes):
    """Sure of anything, cell by cell or all alike; rows of every kind, or both bounds on every class."""
    draw = np.random.default_rng(seed)
    logits, rows = random_problem(seed)
    sure = torch.from_numpy(draw.choice([-scale, 0.0, scale], (4, 1, 1) if constant else (4, *SIZE)))
    if sizes:
        cells = draw.dirichlet(np.ones(4)) * PIXELS
        rows = join([at_least(k, 0.9 * n) + at_most(k, 1.1 * n) for k, n in enumerate(cells)], 4, SIZE)
    solution = solved((logits + sure)[None], rows)
    assert solution.target.isfinite().all()
    assert not solution.status[0].startswith(("Not converged", "Infeasible"))
    assert float(solution.certificate["violation"]) < 1e-9
    # The last digit of multipliers this large is worth more.
    assert float(solution.certificate["gap"]) < 1e-9 + 1e-14 * scale**2


def test_images_without_a_valid_pixel_are_answered():
    """An all-void image among others has no demand; its numbers are finite."""
    logits, batch = mixed(stride=4)
    batch.weak.tags[:, 1] = PRESENT
    solution = DualProjection(TaggedClassesPresent()).solve(Evidence(batch.image, logits.log_softmax(1), batch.weak))
    assert solution.status[5] == "No pixel is valid; no constraint applies."
    assert all(values.isfinite().all() for values in solution.certificate.values())


class TogetherTags:
    """Stands for a constraint; tags in both directions, a fifth for each present class."""

    @staticmethod
    def rows(weak, grid):
        """Present and absent."""
        both = zip(
            TaggedClassesPresent(0.2, inf).rows(weak, grid), UntaggedClassesAbsent().rows(weak, grid), strict=True
        )
        return [mine + more for mine, more in both]


def test_exact_sizes_hold_on_a_grid_that_does_not_divide_the_image():
    """Two classes marked but for one line: its pixels count once, so that the sizes still add up."""
    seeds = torch.tensor([0, 0, UNLABELED, 1, 1])[None, :, None].expand(1, 5, 5)
    batch = batch_of(seeds, classes=2)
    areas = torch.tensor([[[0.4, 0.4], [0.6, 0.6]]])
    weak = replace(batch.weak, areas=areas)
    evidence = Evidence(batch.image, torch.zeros(1, 2, 2, 2).log_softmax(1), weak)
    assert DualProjection(SizesWithin(price=inf)).solve(evidence).status == ("Every constraint holds.",)


@pytest.mark.parametrize("weights", [(0.0, 1.0), (0.0, 1.0, 0.0, 0.0, 1.0)])
def test_rows_for_another_number_of_classes_are_refused(weights):
    """Classes that a row does not know of would else be deleted without a word."""
    with pytest.raises(EvidenceInvalid, match=r"(?s)share weighted.*Expected: 4 classes"):
        DualProjection(ClassShares(weights, 0.3)).solve(evidence_of(torch.zeros(1, 4, *SIZE)))


@pytest.mark.parametrize("hardness", [0.0, -1.0, inf, float("nan")])
def test_a_hardness_that_is_no_number_above_0_is_refused(hardness):
    """Before anything is solved."""
    with pytest.raises(RecipeInvalid, match="hardness"):
        DualProjection(All(()), hardness=hardness)


def test_a_mark_of_no_class_is_refused():
    """255 where nobody drew would else count as marks of other images."""
    seeds = torch.full((2, *SIZE), UNLABELED)
    seeds[1, 0, 0] = 255
    evidence = Evidence(torch.rand(2, 3, *SIZE), torch.zeros(2, 4, *SIZE).log_softmax(1), batch_of(seeds).weak)
    with pytest.raises(EvidenceInvalid, match=r"Images 1 of the batch.*class 255"):
        DualProjection(SizesWithin()).solve(evidence)


def test_what_cannot_be_deleted_is_a_contradiction():
    """An image without any class: the deletion is ignored, and told of."""
    evidence = evidence_of(torch.zeros(1, 4, *SIZE))
    weak = replace(evidence.weak, tags=torch.full((1, 4), ABSENT))
    solution = DualProjection(UntaggedClassesAbsent()).solve(replace(evidence, weak=weak))
    assert solution.certificate["contradiction"] == 1
    assert "Every class is forbidden in 30 cells; the prohibition is ignored there." in solution.status[0]


def test_an_empty_batch_is_refused():
    """With its shape."""
    with pytest.raises(EvidenceInvalid, match="nothing to solve for"):
        DualProjection(All(())).solve(evidence_of(torch.zeros(0, 4, *SIZE)))
