"""What lies in a data folder, image by image, for checks."""
