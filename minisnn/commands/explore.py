"""What the paper did not try.

shots        accuracy against the recordings of each class in the support set
ways         accuracy against the number of classes, more than in meta-training
activity     accuracy against the spikes that the network makes
recordings   simulated recordings against real ones, and photographs of hands
shift        shifted and enlarged recordings with more or fewer events, tasks aligned by their
             support
rule         MAML's and Proto-MAML's step against the nearest class mean, on the same features and
             episodes
onset        recordings that start earlier or later than the network assumes, and a stream without
             pauses"""

from ..experiments import BEYOND
from .studies import study_command

EXAMPLES = """\
examples:
  minisnn explore shots
  minisnn explore activity
  minisnn explore recordings --root ~/N-MNIST --asl-root hands.npz"""
arguments, run = study_command(
    "{}",
    BEYOND,
    "what to explore",
    200,
    counted="test episodes; all but recordings measure half of them, at most 200, and the table "
    "tells how many",
)
