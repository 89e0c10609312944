"""An engine result as a document: pure functions, one module a format."""
