"""A trained network as a function of an image, and all scores."""
