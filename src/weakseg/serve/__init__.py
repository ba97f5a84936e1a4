"""Answers to annotation tools, by a server on this machine."""
