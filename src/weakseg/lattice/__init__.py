"""The permutohedral lattice: sums over all pixels, weighted by likeness."""
