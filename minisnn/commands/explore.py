"""What the paper did not try.

shots        accuracy against the recordings of each class in the support set
ways         accuracy against the number of classes, more than in meta-training
activity     accuracy against the spikes that the network makes
curvature    spectrum of the inner loss's Hessian before and after meta-training
cost         time and memory of FOMAML and MAML against inner steps
recordings   simulated recordings against real ones, and photographs of hands
shift        shifted and enlarged recordings with more or fewer events, tasks aligned by their
             support
grid         these changes at once, on a grid of 1,521 points (--episodes of them): mean and worst
surrogate    slope, shape and curvature of the surrogate, at first and second order
seeds        rules of meta-training, each from random weights over three training seeds (hours)
rule         MAML's and Proto-MAML's step against the nearest class mean, on the same features and
             episodes
onset        recordings that start earlier or later than the network assumes, and a stream without
             pauses
classes      classes learned one by one, from one recording each: accuracy over all, without stored
             recordings
recurrence   recurrent layers and learned time constants, where time carries the class: strokes drawn
             in different orders, or with --root an archive of written characters
nuisance     when is a gradient step worth it? Rules against class means where something is new in
             each task: the sensor turned, dead cells, a late start, ten other cases (hours)"""

from ..experiments import BEYOND
from .studies import study_command

EXAMPLES = """\
examples:
  minisnn explore shots
  minisnn explore curvature
  minisnn explore recordings --root ~/N-MNIST --asl-root hands.npz"""
arguments, run = study_command(
    "{}",
    BEYOND,
    "what to explore",
    200,
    counted="test episodes; all but recordings, grid and recurrence measure half of them, at most "
    "200 (surrogate 40), and the table tells how many",
)
