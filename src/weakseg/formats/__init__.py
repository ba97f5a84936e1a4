"""What readers and writers of annotation files share."""
