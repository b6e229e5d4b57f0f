"""The commands of the shell, a module each: SUMMARY, EXAMPLES, `arguments(parser)` and `run(args)`.

Nothing but the standard library is imported before a command runs, so that help comes at once.

Import from here: `options`, `studies`.
It may import: whatever lies below it.
"""
