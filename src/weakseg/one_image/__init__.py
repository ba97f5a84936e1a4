"""One image and scribbles on it, no network: stage A by itself."""
