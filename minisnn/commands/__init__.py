"""The shell's commands: one function each, whose signature is its options (`signature`).
`minisnn.cli` lists them with their modules and summaries.

A command's module is imported when it is called, and only the standard library before it runs, so
help appears at once.

Import from here: `options`, `studies`.
It may import: every package below it.
"""
