"""The permutohedral lattice for fast Gaussian filters."""
