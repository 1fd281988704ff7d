"""Images of sources and datasets."""
