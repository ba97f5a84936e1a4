"""Where a training is: what a checkpoint says besides its tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sweep:
    """The search whose hidden segmentations are trained on."""

    epoch: int
    """Before which it was made."""
    mark: str
    """What each of its label maps carries: a digest of the network and of the data that it was made with."""
    data: str
    """The digest of the data alone."""


@dataclass(frozen=True)
class Position:
    """A moment between two epochs."""

    metrics: tuple[dict[str, Any], ...] = ()
    """One dict an epoch, from 0 on without a gap."""
    best: float = -1.0
    """The best validation score so far."""
    best_network: tuple[int, str] | None = None
    """Epoch and digest of best.safetensors; `None` where nothing is known of it."""
    sweep: Sweep | None = None

    @property
    def epoch(self) -> int:
        """The last epoch that was done; -1 before the first."""
        return len(self.metrics) - 1

    def state(self, fingerprint: str) -> dict[str, Any]:
        """As plain JSON, for a run of this recipe."""
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
    """The position that a checkpoint's state tells.

    Args:
        state: what the checkpoint says.
        fingerprint: of the run's recipe.
        metrics: those beside the checkpoint, for one of an earlier version, which holds none itself.

    Raises:
        ValueError: it holds no position, or that of another run; in words.
    """
    epoch, best = state.get("epoch"), state.get("best")
    if not isinstance(epoch, int) or not isinstance(best, (int, float)):
        raise ValueError("it holds no position in a training (is it a copy of best.safetensors?)")
    if state.get("fingerprint", fingerprint) != fingerprint:
        raise ValueError("it belongs to a run of another recipe")
    # A kill between metrics and checkpoint left a line too many in earlier versions.
    lines = state.get("metrics", list(metrics)[: epoch + 1])
    if not isinstance(lines, list) or not in_order(lines, epoch + 1):
        raise ValueError(f"of the epochs 1 to {epoch + 1} that were done, metrics.jsonl does not hold each once")
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
    """Whether these are the metrics of the epochs 0 to `count` - 1, each once and in order."""
    return [line.get("epoch") if isinstance(line, dict) else None for line in lines] == list(range(count))
