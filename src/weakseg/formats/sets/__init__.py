"""Files of published data sets and of trainers."""
