"""The chip as C: export of a network, and the program.

Imports chip.
"""
