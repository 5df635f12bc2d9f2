"""Costs, speed, learning rates, misalignment, comparison of methods."""
