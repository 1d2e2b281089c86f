"""Titles kept out of training: their clips, and what is measured on them."""
