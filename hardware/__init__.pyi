from . import loihi as loihi
from .chip.learner import (
    Episode as Episode,
    Learned as Learned,
    Learner as Learner,
    learn as learn,
    one_shot as one_shot,
)
from .chip.means import ClassMean as ClassMean, CountedMeans as CountedMeans
from .chip.network import IntegerNet as IntegerNet
from .chip.words import Words as Words
from .loihi.cuba import CubaNet as CubaNet, LoihiConfig as LoihiConfig
