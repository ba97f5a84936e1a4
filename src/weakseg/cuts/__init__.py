"""Graph cuts: hidden labellings of least Potts energy, with a lower bound."""
