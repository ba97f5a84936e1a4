"""Records of before, brought to today's settings."""

from typing import Any


def with_schedules_in_phases(recipe: Any) -> Any:
    """A recorded recipe whose phases say how often targets are updated.

    Before, the `Fit` in a phase's objective said so, as `every_epochs`.
    """
    if not isinstance(recipe, dict) or not isinstance(recipe.get("phases"), list):
        return recipe
    return recipe | {"phases": [_moved(phase) for phase in recipe["phases"]]}


def _moved(phase: Any) -> Any:
    if not isinstance(phase, dict) or "objective" not in phase:
        return phase
    said: list[Any] = []
    objective = _without_schedule(phase["objective"], said)
    every = next((each for each in said if each is not None), None)
    return phase | {"objective": objective} | ({} if every is None else {"update_targets_every": every})


def _without_schedule(part: Any, said: list[Any]) -> Any:
    """The part without the setting, whose values are added to `said`."""
    if isinstance(part, list):
        return [_without_schedule(each, said) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {name: _without_schedule(value, said) for name, value in part.items()}
    name = str(part.get("type"))
    if name.startswith("weakseg.") and name.endswith(".Fit") and "every_epochs" in kept:
        said.append(kept.pop("every_epochs"))
    return kept
