"""The same numbers in every run and on every processor. `wdl_helpers` imports this first, before TensorFlow.

Some things change the last bits of what TensorFlow computes, and training makes large differences of small ones:

- oneDNN's and TensorFlow's own matrix kernels choose their instructions by the processor: both are turned off;
- the kernels `Reciprocal`, `Rsqrt` and `Softmax` start from an approximation whose bits each maker of processors
  chooses. The gradient of a logarithm has a reciprocal in it, so `wdl_helpers.LogLoss` does without;
- TensorFlow's optimisation of graphs turns g / √a, AdaGrad's step, into `Rsqrt`, and 1 / x into `Reciprocal`: these
  two parts of it are turned off;
- long sums are cut into as many pieces as there are threads: their number is fixed, TensorFlow's and that of the
  linear algebra (BLAS) that NumPy, SciPy and scikit-learn call.
"""

import contextlib
import gc
import importlib
import os
import sys

# These must be set before TensorFlow is imported.
BIT_EXACT = {"TF_ENABLE_ONEDNN_OPTS": "0", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "false"}
IMPORTED_FIRST = "tensorflow" not in sys.modules or BIT_EXACT.items() <= os.environ.items()
for name, value in {**BIT_EXACT, "TF_CPP_MIN_LOG_LEVEL": "3"}.items():
    os.environ.setdefault(name, value)
os.environ["KERAS_BACKEND"] = "tensorflow"

THREADS = 2  # one thread gives the same bits as two; four give others


@contextlib.contextmanager
def quiet_stderr():
    """Send file descriptor 2 to nowhere: TensorFlow's C++ code greets there when it is imported."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


@contextlib.contextmanager
def without_garbage():
    """Import faster: of the 700,000 objects that packages make, none is garbage, and Python need not look for any."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor look through them again later, as it would when it ends
        if enabled:
            gc.enable()


try:
    with without_garbage():
        for package in ("IPython", "matplotlib", "pandas", "scipy", "sklearn"):  # what the other modules import
            importlib.import_module(package)
        with quiet_stderr():
            import tensorflow as tf
        import keras
        import threadpoolctl
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"The package '{error.name}' is missing: type `make lab` in the project's folder, "
        "or `conda env create -f environment.yml`, and start again from there."
    ) from None

# A notebook trains many models, and TensorFlow takes each for a retracing of the one before and warns of it.
tf.get_logger().setLevel("ERROR")


def reproducible(seed=0):
    """Make every random number and every sum the same in each run and on each processor.

    Args:
        seed: int, the seed of Python's, NumPy's and TensorFlow's random numbers.
    Raises:
        RuntimeError: TensorFlow was imported before wdl_helpers, or has computed something with another number of
            threads, or an environment variable forbids the settings.
    """
    if not IMPORTED_FIRST:
        raise RuntimeError("Import wdl_helpers before tensorflow and keras: some settings cannot be changed later.")
    for name, value in BIT_EXACT.items():
        if os.environ[name] != value:
            raise RuntimeError(
                f"The environment variable {name} is {os.environ[name]}; unset it, or set it to {value}."
            )
    if tf.config.threading.get_intra_op_parallelism_threads() != THREADS:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        except RuntimeError:
            raise RuntimeError(
                "Call reproducible before TensorFlow computes anything: its number of threads cannot be changed later."
            ) from None
    threadpoolctl.threadpool_limits(1, "blas")  # for small matrices, as here, more threads mostly wait for each other
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False, "constant_folding": False})
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
