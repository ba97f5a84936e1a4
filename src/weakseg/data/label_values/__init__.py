"""Meaning of the values and colours of label maps."""
