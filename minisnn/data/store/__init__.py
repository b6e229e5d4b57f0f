"""Where data are: what ships, the cache, downloads.

Import from here: `shipped`, `cache`, `code`, `own_code`, `fetch`.
It may import: terminal, files, parallel.
"""
