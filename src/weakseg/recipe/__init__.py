"""Recipes: runs as frozen objects, JSON and Python."""
