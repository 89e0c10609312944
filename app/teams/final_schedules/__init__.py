"""A schedule laid out for readers: as a page, a picture, a table, or JSON."""
