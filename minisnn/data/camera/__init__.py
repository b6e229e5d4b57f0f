"""The event camera: `event_camera.EventCamera`, its kernel and the readable twin of that.

Imports readers (events) and store.
"""
