"""Solvers of stage A, which finds the hidden segmentation."""
