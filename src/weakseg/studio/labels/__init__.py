"""What is drawn in the studio: marks, their journal, and the label files of the folder."""
