"""File and folder names in a run folder."""

LAST, PREVIOUS, SWEEP, BEST = "last.safetensors", "previous.safetensors", "sweep.safetensors", "best.safetensors"


TARGETS, BEFORE = "targets", "targets_before"
"""Folders of the current targets, and of those before, from which the current ones were started."""
