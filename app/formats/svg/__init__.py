"""Draws a timeline as an SVG picture."""
