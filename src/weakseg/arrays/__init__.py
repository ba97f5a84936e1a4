"""Arrays from outside: made tensors or refused, checked for their range and memory, and shown short."""
