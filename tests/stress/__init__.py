"""Measurements that are too long for the suite: ``python -m tests.stress NAME``, results in ``results/``."""
