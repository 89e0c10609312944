"""Payments on Solana: what a payer signs there, and what a node shows became of it.

``networks`` holds what is known of each network without asking or loading anything. The other
modules need ``solders``, which the extra ``solana`` installs (decision 15): they are imported where
a Solana network is configured. ``transaction`` reads what a payer signed, ``addresses`` checks a
payee's, ``chain`` decides where a facilitator's answer was lost.
"""
