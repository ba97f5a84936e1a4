"""Segmentation of one image from scribbles, without a network."""
