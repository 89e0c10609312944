"""The migrations, run by ``app.database.migrate``."""
