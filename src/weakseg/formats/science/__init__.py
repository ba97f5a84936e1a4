"""Files of scientific imaging programs."""
