"""Mean field: soft segmentations of low energy."""
