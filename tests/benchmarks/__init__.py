"""Measurements that are too long for the suite: ``python -m tests.benchmarks NAME``, results in ``results/``."""
