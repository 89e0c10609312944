"""uvicorn as a public port needs it: caps, timers, one write per answer, a stop that drops none."""
