"""What people look at: pages in one file, and predictions as files."""
