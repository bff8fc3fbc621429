"""Wide & Deep learning on plain data frames, with TensorFlow and Keras 3: the door to all that notebooks need.

    import wdl_helpers as wdl   # before TensorFlow and Keras: it sets how TensorFlow computes

The functions stand in the rooms of the package wide_deep, and here in the order in which data flows:

    file ─► read_table ─► data frame                                            wide_deep/tables.py
         ─► date_parts                                                          wide_deep/times.py
         ─► cross, vocabulary, quantiles, named by column and value             wide_deep/columns.py, features.py
         ─► fit_wide, fit_deep ─► wide_ids, deep_inputs                         wide_deep/features.py
         ─► wide_model, deep_model, wide_deep_model: one logit a row            wide_deep/models.py
         ─► Ftrl, Adagrad, Adam, joint_optimizer                                wide_deep/optimizers.py
         ─► train ─► predict                                                    wide_deep/training.py
         ─► scores, comparison, wide_weights                                    wide_deep/evaluation.py
         ─► canvas, show                                                        wide_deep/plots.py

The paper is Cheng et al., "Wide & Deep Learning for Recommender Systems", 2016, arXiv 1606.07792.
"""

from wide_deep.columns import (
    AND,
    category_text,
    escaped,
    feature_codes,
    feature_counts,
    feature_prefix,
)
from wide_deep.evaluation import comparison, scores, wide_weights
from wide_deep.features import (
    cross,
    deep_inputs,
    fit_deep,
    fit_wide,
    joint_inputs,
    optional_inputs,
    used_columns,
    wide_ids,
)
from wide_deep.models import LogitSum, Lookup, deep_model, wide_deep_model, wide_model
from wide_deep.optimizers import Adagrad, Adam, Ftrl, joint_optimizer
from wide_deep.plots import BLUE, GREEN, GREY, ORANGE, canvas, show
from wide_deep.quantiles import bucket_names, quantile_boundaries, quantile_index, quantile_normalise
from wide_deep.reproducible import reproducible
from wide_deep.tables import read_table
from wide_deep.times import date_parts
from wide_deep.training import LogLoss, predict, predict_logits, train
from wide_deep.vocabularies import hash_ids, vocabulary, vocabulary_ids, vocabulary_of_counts

__all__ = [
    "AND",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "Adagrad",
    "Adam",
    "Ftrl",
    "LogLoss",
    "LogitSum",
    "Lookup",
    "bucket_names",
    "canvas",
    "category_text",
    "comparison",
    "cross",
    "date_parts",
    "deep_inputs",
    "deep_model",
    "escaped",
    "feature_codes",
    "feature_counts",
    "feature_prefix",
    "fit_deep",
    "fit_wide",
    "hash_ids",
    "joint_inputs",
    "joint_optimizer",
    "optional_inputs",
    "predict",
    "predict_logits",
    "quantile_boundaries",
    "quantile_index",
    "quantile_normalise",
    "read_table",
    "reproducible",
    "scores",
    "show",
    "train",
    "used_columns",
    "vocabulary",
    "vocabulary_ids",
    "vocabulary_of_counts",
    "wide_deep_model",
    "wide_ids",
    "wide_model",
    "wide_weights",
]
