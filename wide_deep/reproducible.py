"""The same numbers in every run and on every processor. The other modules import this first, before TensorFlow.

Some things change the last bits of what TensorFlow computes, and training makes large differences of small ones:

- oneDNN's kernels choose their instructions by the processor. TensorFlow decides on them while it is imported, so
  importing this module turns them off;
- so does TensorFlow's own kernel for products of matrices. It is up to three times as fast as the one that gives the
  same bits everywhere, and TensorFlow decides at the first product: so `reproducible` turns it off, and who does not
  call that keeps the fast one;
- the kernels `Reciprocal`, `Rsqrt` and `Softmax` start from an approximation whose bits each maker of processors
  chooses. The gradient of a logarithm has a reciprocal in it, so `wide_deep.training.LogLoss` does without;
- TensorFlow's optimisation of graphs turns g / √a, AdaGrad's step, into `Rsqrt`, and 1 / x into `Reciprocal`:
  `reproducible` turns these two parts of it off;
- long sums are cut into as many pieces as there are threads: `reproducible` fixes their number, TensorFlow's and that
  of the linear algebra (BLAS) that NumPy, SciPy and scikit-learn call.
"""

import contextlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterable, Iterator

__all__ = [
    "AT_FIRST_PRODUCT", "AT_IMPORT", "IMPORTED_FIRST", "NEEDED_BY_EVALUATION", "NEEDED_BY_FEATURES", "NEEDED_BY_MODELS",
    "NEEDED_BY_PLOTS", "check_backend", "check_keras", "check_packages", "quiet_stderr", "reproducible",
]  # fmt: skip

NEEDED_BY_FEATURES = ("numpy", "pandas")  # to fit and look up features, whatever library trains
NEEDED_BY_MODELS = ("keras", "pyarrow", "scipy", "tensorflow", "threadpoolctl")
NEEDED_BY_EVALUATION = ("sklearn",)
NEEDED_BY_PLOTS = ("IPython", "matplotlib")
AT_IMPORT = {"TF_ENABLE_ONEDNN_OPTS": "0"}  # must be set before TensorFlow is imported
AT_FIRST_PRODUCT = {"TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "false"}  # before TensorFlow multiplies matrices
THREADS = 2  # one thread gives the same bits as two; four give others


def check_packages(packages: Iterable[str]) -> None:
    """Say what to do if a package that the modules need is not there; this looks for it, and imports nothing.

    Args:
        packages: names of packages.

    Raises:
        ModuleNotFoundError: one of them is not there.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(
                f"The package '{package}' is missing: type `make lab` in the project's folder, "
                "or `conda env create -f environment.yml`, and start again from there."
            )


def check_backend() -> None:
    """Say what to do if Keras runs, or will run, on another backend than TensorFlow.

    Raises:
        ImportError: it does, or will.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    backend = sys.modules["keras"].backend.backend() if "keras" in sys.modules else os.environ["KERAS_BACKEND"]
    if backend != "tensorflow":
        raise ImportError(
            f"Keras runs on {backend}, and these modules on TensorFlow: start anew, "
            "without the environment variable KERAS_BACKEND, or with KERAS_BACKEND=tensorflow."
        )


def check_keras() -> None:
    """Say what to do if the modules that import Keras and TensorFlow cannot work; they call it before they do.

    Raises:
        ModuleNotFoundError: a package is not there.
        ImportError: Keras runs on another backend.
    """
    check_packages(NEEDED_BY_MODELS)
    check_backend()


check_packages(NEEDED_BY_FEATURES)
IMPORTED_FIRST = "tensorflow" not in sys.modules or AT_IMPORT.items() <= os.environ.items()
for name, value in {**AT_IMPORT, "TF_CPP_MIN_LOG_LEVEL": "3"}.items():
    os.environ.setdefault(name, value)


_STDERR = threading.RLock()


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere, for an import of TensorFlow, whose C++ code greets there."""
    with _STDERR:  # one thread at a time: a second one would take nowhere for the stream to be restored
        sys.stderr.flush()
        saved = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(nowhere)


def _fix_threads_and_products() -> None:
    """Fix the number of threads and the kernel for products, which TensorFlow lets nobody change once it computes."""
    import tensorflow as tf

    already = AT_FIRST_PRODUCT.items() <= os.environ.items()
    for threads in [THREADS] if already else [THREADS + 1, THREADS]:  # a change is refused, the same number is not
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            try:
                tf.config.threading.set_intra_op_parallelism_threads(threads)
            except RuntimeError:
                raise RuntimeError(
                    "Call reproducible before TensorFlow computes anything: "
                    "its number of threads and its kernels cannot be changed later."
                ) from None
    os.environ.update(AT_FIRST_PRODUCT)


def reproducible(seed: int = 0) -> None:
    """Make every random number and every sum the same in each run and on each processor.

    Training takes longer for it: about as long with small layers, up to three times as long where products of large
    matrices are most of the work. For data of your own, at size, `keras.utils.set_random_seed` alone is faster, and
    gives the same numbers again on the same computer, but for their last digits.

    Args:
        seed: The seed of Python's, NumPy's and TensorFlow's random numbers.

    Raises:
        RuntimeError: TensorFlow was imported before wdl_helpers, or has computed something with other settings, or an
            environment variable forbids the settings.
        ModuleNotFoundError: Keras, TensorFlow or threadpoolctl is missing.
        ImportError: Keras runs on another backend than TensorFlow.

    Taught in: notebook 1, its first cell.

    Example:
        >>> import keras
        >>> reproducible(seed=3)
        >>> draws = [float(keras.random.uniform(()))]
        >>> reproducible(seed=3)
        >>> [float(keras.random.uniform(()))] == draws
        True
    """
    check_packages(("keras", "tensorflow", "threadpoolctl"))
    check_backend()
    if not IMPORTED_FIRST:
        raise RuntimeError("Import wdl_helpers before tensorflow and keras: some settings cannot be changed later.")
    for name, value in {**AT_IMPORT, **AT_FIRST_PRODUCT}.items():
        if os.environ.get(name, value) != value:
            raise RuntimeError(
                f"The environment variable {name} is {os.environ[name]}; unset it, or set it to {value}."
            )
    with quiet_stderr():
        import keras
        import tensorflow as tf
        import threadpoolctl
    _fix_threads_and_products()
    threadpoolctl.threadpool_limits(1, "blas")  # for small matrices, as here, more threads mostly wait for each other
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False, "constant_folding": False})
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
