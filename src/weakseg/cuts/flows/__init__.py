"""Compiled loops of a graph cut: maximum flows, expansion moves, messages."""
