"""Cells of a grid over an image: what is pooled to them and known of them."""
