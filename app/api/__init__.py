"""The HTTP side: endpoint rows become routes, engine errors become problem details."""
