"""The ascent by edges: its loops, compiled and in torch."""
