"""Marks on maps: vector layers whose coordinates lie on the ground."""
