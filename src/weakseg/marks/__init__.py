"""What an annotator drew: geometry, its pixels, and what becomes of it."""
