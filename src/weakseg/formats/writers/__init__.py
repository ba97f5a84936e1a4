"""Segmentations as files of annotation tools."""
