"""Simulation of weak labels from full masks."""
