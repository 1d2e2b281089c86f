"""Planted film sets and the parser of pages."""

from tests.reporting.conftest import make_filmset, parse, parse_markup, planted_filmset, planted_title

__all__ = ["make_filmset", "parse", "parse_markup", "planted_filmset", "planted_title"]
