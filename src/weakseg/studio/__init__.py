"""The studio: labels drawn in a browser, and stage A beside them."""
