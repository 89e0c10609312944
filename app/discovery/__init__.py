"""How agents and people find and read the service. Everything is read off the endpoint table."""
