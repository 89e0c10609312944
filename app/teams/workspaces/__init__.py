"""Workspaces: organisations that wallets have paid for, and until when."""
