"""Results as data: one file for each measurement, from which the pages that show numbers are made.

    record.py    a measurement: what was asked, what came out, with which code, on which processor
    figures.py   what a measurement's numbers are called, and how a page shows one
    measure.py   carry out a measurement's commands, and continue where one was stopped; what is
                 missing or was measured by other code
    pages.py     numbers and tables in Markdown, held to the files by markers
    tables.py    the tables and plots that pages ask for by name
    pictures.py  pictures of records, drawn where their numbers changed
    flags.py     the commands and their arguments, made of the parsers

Import from here: `record`, `figures`, `measure`, `pages`, `tables`, `pictures`, `flags`.
It may import: `files`, `terminal`, `stopping`, `data.store`, `plots`, `training`, `parallel`.
"""
