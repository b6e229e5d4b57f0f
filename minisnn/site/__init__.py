"""The site: guides, results, lessons, and the reference of the library as static pages, built by
Sphinx.

    documents.py   the documents of the project gathered into a folder: their links, their menu
    notebooks.py   a notebook and its outputs as text of a page
    reference.py   a page for every public module; docstrings as Sphinx reads them
    mathml.py      formulas as MathML, which browsers draw without a script
    conf.py        what Sphinx is told
    build.py       from the gathered documents to the pages

Import from here: `build`, `mathml`.
It may import: `data.store`, `minisnn`.
"""
