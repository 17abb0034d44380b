"""Segments at the desk: the builder, its live numbers, and each segment's pages."""
