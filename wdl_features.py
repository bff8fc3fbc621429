"""The features alone, for who trains with another library: they need no TensorFlow, but for hashing.

The functions stand in wide_deep/features.py and wide_deep/vocabularies.py, and are those of `wdl_helpers`.
"""

from wide_deep.features import (
    DeepFeatures,
    WideFeatures,
    cross,
    deep_inputs,
    fit_deep,
    fit_wide,
    joint_inputs,
    optional_inputs,
    used_columns,
    wide_ids,
)
from wide_deep.vocabularies import hash_ids, vocabulary, vocabulary_ids, vocabulary_of_counts

__all__ = [
    "DeepFeatures",
    "WideFeatures",
    "cross",
    "deep_inputs",
    "fit_deep",
    "fit_wide",
    "hash_ids",
    "joint_inputs",
    "optional_inputs",
    "used_columns",
    "vocabulary",
    "vocabulary_ids",
    "vocabulary_of_counts",
    "wide_ids",
]
