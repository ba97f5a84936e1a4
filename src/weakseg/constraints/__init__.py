"""Linear rows on a segmentation, and the ways to say them: tags, sizes, boxes, ratios, any coefficients."""
