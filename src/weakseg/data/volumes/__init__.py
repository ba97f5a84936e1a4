"""Volumes: their grids in the patient, their files, and slices as images."""
