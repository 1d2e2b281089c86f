"""A film set as pages for a browser."""
