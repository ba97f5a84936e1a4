"""Data sets in the layouts they were published in."""
