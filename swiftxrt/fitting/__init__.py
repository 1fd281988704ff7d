"""Models of spectra and their fit to counts: forward folding, statistics, errors."""
