"""What a run was asked to do and what it took, in words."""

from typing import Any

from weakseg.train.codec import Foreign
from weakseg.train.progress import duration
from weakseg.train.run_folder import Run


def facts(run: Run) -> dict[str, str]:
    """Names and values, in the order in which a reader asks for them."""
    recipe, record = run.recipe, run.record
    versions = {"weakseg": record.get("weakseg", "unknown"), **record.get("versions", {})}
    return {
        "Training pictures": _words(recipe.training),
        "Validation pictures": _words(recipe.validation),
        "Network": _words(recipe.network),
        "Parameters": f"{record['parameters']:,}" if "parameters" in record else "unknown",
        **{_numbered("Phase", i, len(recipe.phases)): _phase(phase) for i, phase in enumerate(recipe.phases)},
        "Optimiser": _words(recipe.optimizer),
        "Views": _words(recipe.augment),
        "Batch": f"{recipe.batch_size} pictures a step",
        "Seed": str(recipe.seed),
        "Time": f"{duration(trained_seconds(run))} for {len(run.metrics)} epochs, validation included",
        "Machine": str(record.get("machine", "unknown")),
        "Versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
    }


def trained_seconds(run: Run) -> float:
    """Wall-clock time of all epochs."""
    return sum(line["seconds"] for line in run.metrics)


def _phase(phase: Any) -> str:
    if isinstance(phase, Foreign):
        return phase.text
    return f"{phase.epochs} epochs at {phase.learning_rate:g}: {_words(phase.objective)}"


def _words(part: Any) -> str:
    if part is None:
        return "none"
    return part.text if isinstance(part, Foreign) else repr(part)


def _numbered(name: str, index: int, of: int) -> str:
    return name if of == 1 else f"{name} {index + 1}"
