"""Compilation, caching and vectorisation of loops."""
