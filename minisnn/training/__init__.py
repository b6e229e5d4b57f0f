"""Runs: settings, an update, the folder and the checkpoint of a run, evaluation, health, progress.

`run.train` carries one out. Imports meta, data, network and parallel.
"""
