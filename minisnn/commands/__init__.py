"""The commands of the shell, one module each: SUMMARY, EXAMPLES, `arguments(parser)` and
`run(args)`.

Only the standard library is imported before a command runs, so help appears at once.

Import from here: `options`, `studies`.
It may import: whatever lies below it.
"""
