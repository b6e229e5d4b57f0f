"""Where data are: what ships, the cache, downloads, the sealed file of a checkpoint.

Import from here: `shipped`, `cache`, `code`, `own_code`, `download`, `fetch`, `sealed`.
It may import: terminal, files, parallel.
"""
