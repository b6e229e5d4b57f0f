"""Bundled files, a cache of computed arrays, and downloads.

Import from here: `shipped`, `cache`, `fetch`.
It may import: files, terminal, parallel.
"""
