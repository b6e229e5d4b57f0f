"""Training runs: settings, updates, run folder, checkpoint, evaluation and progress.

Import from here: any module.
It may import: stopping, terminal, files, parallel, core, network, meta, data.camera,
data.readers, data.store, data.sets, data.written, plots.
"""
