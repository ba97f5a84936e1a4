"""Checks of data folders."""
