"""THE ENGINE: who is on call when. Standard library and ``errors`` only; no I/O, no clock."""
