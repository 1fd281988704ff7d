"""Products made by the tasks of HEASoft, where it is installed."""
