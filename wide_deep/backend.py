"""Keras on TensorFlow, checked, and imported without TensorFlow's greetings.

Each module that imports Keras or TensorFlow imports this one before.
"""

from wide_deep.reproducible import check_keras, quiet_stderr

check_keras()
with quiet_stderr():  # TensorFlow's C++ code greets there when it is imported
    import keras  # noqa: F401
    import tensorflow as tf  # noqa: F401

__all__: list[str] = []  # what it imports is imported by its own name
