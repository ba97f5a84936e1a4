"""Predictions of files: images, volumes, images of any size by windows, by any number of processes."""
