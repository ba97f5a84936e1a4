"""Data folders made of the files of other programs."""
