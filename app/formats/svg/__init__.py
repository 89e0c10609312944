"""The picture of a timeline, as SVG."""
