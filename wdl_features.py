"""The features alone, for who trains with another library: they need no TensorFlow, but for hashing.

The functions stand in wide_deep/features.py, and are those of `wdl_helpers`.
"""

from wide_deep.features import (
    DeepFeatures,
    WideFeatures,
    cross,
    deep_inputs,
    fit_deep,
    fit_wide,
    hash_ids,
    joint_inputs,
    optional_inputs,
    used_columns,
    vocabulary,
    vocabulary_ids,
    vocabulary_of_counts,
    wide_ids,
)

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
