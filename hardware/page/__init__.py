"""The page: draw, let an event camera look, teach the network and be recognised, in one file without a server.

Import from here: `make`.
It may import: hardware.chip, hardware.c, minisnn.
"""
