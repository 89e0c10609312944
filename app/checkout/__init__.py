"""Sells the products: from a request and its payment to the answer and its receipt."""
