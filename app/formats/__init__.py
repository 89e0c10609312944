"""The formats of an answer beside JSON and CSV: iCalendar and SVG, both written from a timeline."""
