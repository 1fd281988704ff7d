"""What the service knows about catalogued sources, datasets, transients and bursts, as Astropy objects."""
