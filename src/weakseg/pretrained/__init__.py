"""Networks that begin from transformers' checkpoints."""
