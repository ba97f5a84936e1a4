"""The data folder: its layout, its declaration and its labels."""
