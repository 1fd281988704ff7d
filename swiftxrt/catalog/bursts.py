"""Ready-made products of gamma-ray bursts."""
