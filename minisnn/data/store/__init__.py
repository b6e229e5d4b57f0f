"""Files that ship, a cache of what was made, and downloads.

Import from here: `shipped`, `cache`, `fetch`.
It may import: files, terminal, parallel.
"""
