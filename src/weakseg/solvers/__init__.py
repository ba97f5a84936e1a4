"""Stage A: find the hidden segmentation."""
