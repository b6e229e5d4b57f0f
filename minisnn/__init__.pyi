"""The public names, for type checkers, editors, and `__init__.py`, which loads them from here on first use."""

from . import (
    data as data,
    gradcheck as gradcheck,
    core as core,
    meta as meta,
    network as network,
    nir as nir,
    parallel as parallel,
    plots as plots,
    training as training,
)
from .data.camera.event_camera import EventCamera as EventCamera
from .data.readers.anything import read_events as read_events
from .data.readers.events import bin_events as bin_events, event_array as event_array
from .data.readers.nmnist import read_nmnist as read_nmnist, write_nmnist as write_nmnist
from .data.sets.digits import load_digits as load_digits
from .data.sets.named import open_set as open_set
from .data.sets.double_asl import DoubleASL as DoubleASL
from .data.sets.double_nmnist import DoubleNMnist as DoubleNMnist
from .data.sets.omniglot import Omniglot as Omniglot
from .data.sets.recordings import Recordings as Recordings
from .data.sounds.words import SHD as SHD, SSC as SSC
from .data.written.characters import Written as Written
from .data.written.strokes import read_strokes as read_strokes
from .core.bases import Loss as Loss, Surrogate as Surrogate
from .core.neuron import LIF as LIF
from .core.cuba import CubaLIF as CubaLIF
from .core.own import Neuron as Neuron
from .meta.discriminants import fisher_axes as fisher_axes
from .meta.functions import (
    adapt as adapt,
    meta_loss as meta_loss,
    record_path as record_path,
    reptile_gradient as reptile_gradient,
)
from .meta.implicit import ImplicitLoop as ImplicitLoop
from .meta.inner import InnerLoop as InnerLoop, meta_gradient as meta_gradient
from .meta.online import OnlineReadout as OnlineReadout
from .meta.optim import Adam as Adam, SGD as SGD
from .meta.path import Adjoint as Adjoint
from .meta.prototypes import ClassMeans as ClassMeans
from .meta.ridge import Ridge as Ridge
from .data.sets.days import Days as Days
from .data.sets.generated import Bars as Bars, Movement as Movement, Waves as Waves
from .meta.rules import MAML as MAML
from .meta.tasks import Task as Task
from .core.architecture import Conv as Conv, Dense as Dense
from .network.convolutional import ConvNet as ConvNet
from .network.spiking import SpikingNet as SpikingNet
from .nir import export_nir as export_nir, import_nir as import_nir
from .parallel.cluster import Cluster as Cluster
from .parallel.executor import Executor as Executor, WorkersLost as WorkersLost
from .parallel.workers import Workers as Workers
from .parallel.threads import get_threads as get_threads, set_threads as set_threads
from .training.checkpoint import Checkpoint as Checkpoint, read as read, save as save
from .training.evaluation import evaluate as evaluate
from .training.run import train as train
from .training.settings import TrainingConfig as TrainingConfig

__version__: str
