"""A run as one frozen object, as JSON and as Python."""
