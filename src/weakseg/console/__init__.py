"""Terminal output and exit codes of the commands."""
