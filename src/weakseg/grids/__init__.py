"""Grids of cells over an image: pooling and labels."""
