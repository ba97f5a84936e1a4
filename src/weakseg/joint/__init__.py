"""The joint problem: seeds, prediction, appearance, edges and rows at once."""
