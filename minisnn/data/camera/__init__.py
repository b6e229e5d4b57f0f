"""The event camera, its kernel, and the kernel's readable twin.

Import from here: `event_camera`, `variation`.
It may import: files, parallel, data.readers, data.store.
"""
