"""Benchmarks: ratios, taken in one run, beside what people would use instead. `python -m benchmarks --help`."""
