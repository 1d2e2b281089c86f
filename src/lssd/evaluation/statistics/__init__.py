"""Uncertainty over test items, and two models compared item by item."""
