"""Annotation files of any known tool, and the images that they belong to."""
