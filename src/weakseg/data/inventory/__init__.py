"""Inventories of data folders, image by image, for checks."""
