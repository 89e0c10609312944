"""The web server: uvicorn with limits for a public port, and a stop that drops no request."""
