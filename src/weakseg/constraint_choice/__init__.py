"""Which constraints suit a data set."""
