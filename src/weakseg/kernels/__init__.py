"""Compiled loops on plain arrays: no torch, no interpreter lock, row-major layout."""
