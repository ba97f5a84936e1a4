"""Mean field: soft segmentations of little energy."""
