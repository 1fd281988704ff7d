"""Details of sources, datasets and transients."""
