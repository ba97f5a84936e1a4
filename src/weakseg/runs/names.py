"""Names of what lies in a run folder."""

LAST, PREVIOUS, SWEEP, BEST = "last.safetensors", "previous.safetensors", "sweep.safetensors", "best.safetensors"


TARGETS, BEFORE = "targets", "targets_before"
"""Folders of a run: of the targets that are trained on, and of those of the search before, which began it."""
