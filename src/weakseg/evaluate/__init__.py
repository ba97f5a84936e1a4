"""Confusion matrices, boundary bands and prediction on pictures of any size."""
