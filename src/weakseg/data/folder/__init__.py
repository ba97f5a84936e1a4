"""The data folder: its layout, declaration and labels."""
