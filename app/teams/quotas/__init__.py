"""How much an organisation may store."""
