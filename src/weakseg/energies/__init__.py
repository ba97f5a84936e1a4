"""How implausible a segmentation is: differentiable energies, each written once."""
