"""The page: draw a symbol for an event camera, teach the network and test it, in one file without a
server.

Import from here: `make`.
It may import: hardware.chip, hardware.c, minisnn.
"""
