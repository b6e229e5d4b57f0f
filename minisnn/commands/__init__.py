"""The commands of the shell: a function each, whose signature is its options (`signature`); which
module has it, and what it is for, stands in `minisnn.cli`.

A command's module is imported when it is called, and only the standard library before it runs, so
help appears at once.

Import from here: `options`, `studies`.
It may import: whatever lies below it.
"""
