"""One module a migration, numbered in the order in which they are run."""
