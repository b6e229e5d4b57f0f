"""Sets of tasks over written characters: a reader of pen strokes, and the events that a pen or a
camera makes of them.

Import from here: `strokes`, `orders`, `characters`, `words`.
It may import: files, parallel, meta, terminal, data.readers, data.store, data.camera, data.sets.
"""
