"""What the numbers and colours of label maps mean."""
