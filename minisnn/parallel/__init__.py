"""Who does the work: threads, an executor, worker processes, a cluster; what compiles first.

Imports nothing of minisnn but files.
"""
