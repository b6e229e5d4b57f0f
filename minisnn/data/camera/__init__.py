"""The event camera, its kernels and their readable twins, and recordings that are varied as if made
by another camera, or distorted like handwriting.

Import from here: `event_camera`, `variation`, `distorted`.
It may import: files, parallel, data.readers, data.store.
"""
