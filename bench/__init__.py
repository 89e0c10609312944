"""Side-by-side benchmarks. Run one as ``python -m bench.http``, ``bench.rotation`` …."""
