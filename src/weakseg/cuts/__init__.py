"""Graph cuts: labellings of least Potts energy, with bounds."""
