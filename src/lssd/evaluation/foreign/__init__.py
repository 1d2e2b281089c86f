"""Encoders that are not ours: HEAR modules, loaded and embedded with."""
