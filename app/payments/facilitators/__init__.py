"""What settles payments: the embedded sandbox or a remote x402 facilitator."""
