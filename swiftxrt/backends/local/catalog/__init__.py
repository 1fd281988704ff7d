"""Catalogues and ready-made products of the observations in a folder, in the words of the service."""
