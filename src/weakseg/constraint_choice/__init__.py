"""Choice of constraints for a dataset."""
