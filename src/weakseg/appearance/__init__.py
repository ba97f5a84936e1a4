"""What the look of an image says about its classes, without any network."""
