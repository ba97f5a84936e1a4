"""Objectives and divergences: what training minimises."""
