"""Frozen episodes that any framework can answer, and the score of the answers.

    series.py    which episodes there are, and what makes a series of your own
    dealing.py   a series dealt out: its truth, and what the episodes hold
    read.py      reads an exported folder with NumPy alone; each folder has a copy of it
    export.py    the folder: recordings, episodes, training recordings, manifest
    answers.py   a file of answers, checked
    score.py     answers beside each other, on the same episodes

Import from here: any module.
It may import: files, outputs, terminal, parallel, meta, data.sets, training, results.
"""
