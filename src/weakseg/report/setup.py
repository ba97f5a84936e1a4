"""The setup of a run in words."""

from weakseg.console.duration import counted, duration
from weakseg.runs.datasets import Run, trained_seconds


def facts(run: Run) -> dict[str, str]:
    """Facts about a run: names and values, in order."""
    recipe, record = run.recipe, run.record
    phases = {
        "Phase" if len(recipe.phases) == 1 else f"Phase {number}": (
            f"{phase.epochs} epochs at {phase.learning_rate:g}: {phase.objective!r}"
        )
        for number, phase in enumerate(recipe.phases, start=1)
    }
    versions = {"weakseg": record.get("weakseg", "unknown"), **record.get("versions", {})}
    return {
        "Training images": repr(recipe.training),
        "Validation images": "none" if recipe.validation is None else repr(recipe.validation),
        "Network": repr(recipe.network),
        "Parameters": f"{record['parameters']:,}" if "parameters" in record else "unknown",
        **({"Method": record["method"]} if record.get("method") else {}),
        **phases,
        "Optimiser": repr(recipe.optimizer),
        "Augmentation": repr(recipe.augment),
        "Batch size": f"{recipe.batch_size} images per step",
        "Random seed": str(recipe.seed),
        "Time": f"{duration(trained_seconds(run))} for {counted(len(run.metrics), 'epoch')}, validation included",
        "Machine": str(record.get("machine", "unknown")),
        "Versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
    }
