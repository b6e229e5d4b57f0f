"""A figure of Stewart & Neftci 2022, measured here: its numbers, the claims that it stands for, and
the figure itself as PNG and SVG.

2   example tasks
3   error against inner-loop updates
4   accuracy with frozen layers
5   histograms of updates, and their threshold
6   transfer learning, shot by shot"""

from .studies import study_command

EXAMPLES = """\
examples:
  minisnn figure 3                        with the networks that ship with it
  minisnn figure 4 --episodes 100         a quick look
  minisnn figure 5 --networks runs/mine   with networks of your own"""
arguments, run = study_command("figure-{}", (2, 3, 4, 5, 6), "number of the figure in the paper")
