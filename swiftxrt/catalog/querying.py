"""Rows of catalogues."""
