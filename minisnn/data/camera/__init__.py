"""The event camera, its kernel, the kernel's readable twin, and recordings as another camera
would have made them, or distorted as handwriting is.

Import from here: `event_camera`, `variation`, `distorted`.
It may import: files, parallel, data.readers, data.store.
"""
