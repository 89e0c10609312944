"""The commands of ``python -m app``. ``app.__main__`` parses options and imports a command late."""
