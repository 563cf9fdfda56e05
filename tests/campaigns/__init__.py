"""Measurements that are too long for the suite: ``python -m tests.campaigns NAME``, results in ``results/``."""
