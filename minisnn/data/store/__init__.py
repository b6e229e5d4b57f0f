"""Where data lie: what ships, the cache, downloads.

Imports files.
"""
