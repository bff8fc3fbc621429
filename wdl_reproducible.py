"""The same numbers in every run and on every processor; import it before TensorFlow. See wide_deep/reproducible.py."""

from wide_deep.reproducible import reproducible

__all__ = ["reproducible"]
