"""How solves ended: the numbers of their certificates to log, and what labels contradict each other, for people."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from weakseg.types import Solution


@dataclass(frozen=True)
class Solve:
    """One picture's solve, without what was found."""

    key: str
    sentence: str
    numbers: dict[str, float]
    """Its energy and its certificate, by name."""


def solves_of(keys: tuple[str, ...], solution: Solution) -> list[Solve]:
    """The solve of each picture of a batch."""
    columns = {"energy": solution.energy, **solution.certificate}
    numbers = {name: values.tolist() for name, values in columns.items()}
    return [
        Solve(key, sentence, {name: values[i] for name, values in numbers.items()})
        for i, (key, sentence) in enumerate(zip(keys, solution.status, strict=True))
    ]


def summary(solves: Iterable[Solve]) -> dict[str, float]:
    """Means over solves with a certificate, each as `solve_<name>`; of contradictions, the share of pictures."""
    proved = [each.numbers for each in solves if len(each.numbers) > 1]
    means = {name: np.mean([numbers[name] for numbers in proved]) for name in (proved[0] if proved else ())}
    if "contradiction" in means:
        means["contradiction"] = np.mean([numbers["contradiction"] > 0 for numbers in proved])
    return {f"solve_{name}": float(mean) for name, mean in means.items()}


def contradictions(solves: Iterable[Solve]) -> dict[str, str]:
    """What to tell people of pictures whose hard demands no segmentation obeys, by key."""
    return {each.key: each.sentence for each in solves if each.numbers.get("contradiction", 0) > 0}
