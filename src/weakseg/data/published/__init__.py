"""Published data sets in their original layouts."""
