"""The joint problem: seeds, prediction, appearance, edges, rows."""
