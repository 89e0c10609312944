"""What the commands do. ``app.__main__`` only parses; these modules are imported when needed."""
