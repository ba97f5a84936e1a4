"""Projection onto linear constraints, with a certificate."""
