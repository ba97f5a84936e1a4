"""The data door: readers, views, augmentation, simulation and checks; value 255 and its friends end here."""
