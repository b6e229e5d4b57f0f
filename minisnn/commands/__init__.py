"""The commands of the shell, one module each: EXAMPLES, `arguments(parser)` and `run(args)`; what
each is for stands in `minisnn.cli`.

A command's module is imported when it is called, and only the standard library before it runs, so
help appears at once.

Import from here: `layout`, `options`, `studies`.
It may import: whatever lies below it.
"""
