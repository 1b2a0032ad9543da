"""Self-supervised methods, one a file: views of a batch of 12-lead records in, a loss out."""
