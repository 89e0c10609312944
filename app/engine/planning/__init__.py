"""Fair rotations: assign shifts to people who can be away, and prove how even the result is."""
