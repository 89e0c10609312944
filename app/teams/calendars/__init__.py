"""Calendar feeds, and the tokens that open them."""
