"""Archives of observations."""
