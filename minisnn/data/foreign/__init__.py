"""Files that other people's libraries read, HDF5, MATLAB's and cameras', in a process of its own.

Import from here: `process`, `hdf5`.
It may import: files, parallel.
"""
