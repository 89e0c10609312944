"""The migrations, run by ``app.storage.migrate``."""
