"""Whole tables, kept on this computer."""
