"""The position of a training, as checkpoints hold it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sweep:
    """The update whose targets are trained on."""

    epoch: int
    """The epoch that the update came before, counted from 0."""
    mark: str
    """The text in each of its label maps: a digest of the network and the data it was made with."""
    data: str
    """The digest of the training data."""


@dataclass(frozen=True)
class Position:
    """A moment between two epochs."""

    metrics: tuple[dict[str, Any], ...] = ()
    """Metrics of the epochs from 0 on, without a gap."""
    best: float = -1.0
    """The best validation score so far."""
    best_network: tuple[int, str] | None = None
    """Epoch and digest of best.safetensors; `None` where they are unknown."""
    sweep: Sweep | None = None
    """The last update of the targets; `None` before the first."""

    @property
    def epoch(self) -> int:
        """The last finished epoch; -1 before the first."""
        return len(self.metrics) - 1

    def state(self, fingerprint: str) -> dict[str, Any]:
        """The position as plain JSON, with the recipe's fingerprint."""
        sweep = self.sweep and [self.sweep.epoch, self.sweep.mark, self.sweep.data]
        return {
            "fingerprint": fingerprint,
            "epoch": self.epoch,
            "best": self.best,
            "best_network": self.best_network and list(self.best_network),
            "sweep": sweep,
            "metrics": list(self.metrics),
        }


def position_of(state: dict[str, Any], fingerprint: str, metrics: Sequence[dict[str, Any]]) -> Position:
    """The position in a checkpoint's state.

    Args:
        state: the state.
        fingerprint: the fingerprint of the run's recipe.
        metrics: the metrics beside the checkpoint, for a checkpoint of an earlier version, which holds none.

    Raises:
        ValueError: the state holds no position, or that of another run.
    """
    epoch, best = state.get("epoch"), state.get("best")
    if not isinstance(epoch, int) or not isinstance(best, (int, float)):
        raise ValueError("it holds no position in a training (is it a copy of best.safetensors?)")
    # A checkpoint that was copied from another run has the right shapes and the wrong weights.
    if state.get("fingerprint", fingerprint) != fingerprint:
        raise ValueError("it belongs to a run of another recipe")
    # In earlier versions, a kill between metrics and checkpoint left one line too many.
    lines = state.get("metrics", list(metrics)[: epoch + 1])
    if not isinstance(lines, list) or not in_order(lines, epoch + 1):
        raise ValueError(f"metrics.jsonl does not hold each of the finished epochs 1 to {epoch + 1} once")
    try:
        network, sweep = state.get("best_network"), state.get("sweep")
        return Position(
            tuple(lines),
            float(best),
            network and (int(network[0]), str(network[1])),
            sweep and Sweep(int(sweep[0]), str(sweep[1]), str(sweep[2])),
        )
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise ValueError(f"its position is damaged ({error})") from error


def in_order(lines: Sequence[Any], count: int) -> bool:
    """Whether lines are the metrics of consecutive epochs from 0.

    There must be `count` of them, each once and in order.
    """
    return [line.get("epoch") if isinstance(line, dict) else None for line in lines] == list(range(count))
