"""Data sets: reading, views, augmentation, simulation and checks.

File conventions such as 255 end here.
"""
