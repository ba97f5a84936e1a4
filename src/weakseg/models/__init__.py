"""Networks behind one contract: image in [0, 1] to logits."""
