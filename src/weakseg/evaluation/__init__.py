"""Predictors of trained networks, and their scores."""
