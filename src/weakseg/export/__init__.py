"""Trained networks and their labels as files of other programs."""
