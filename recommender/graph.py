"""The features as TensorFlow operations: what `wide_deep.features` does to a frame, done to the tensors of a request.

Read it from top to bottom: `graph_inputs`, and what it calls.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from recommender.raw_columns import GAP, ColumnType, Tensors, is_utf8
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.columns import AND, feature_prefix, missing_name
from wide_deep.features import DeepFeatures, WideFeatures, used_columns
from wide_deep.quantiles import bucket_names

import numpy as np
import tensorflow as tf

__all__ = ["GraphInputs", "Tables", "gap_of", "graph_inputs", "parse_examples"]

Tables = dict[str, tf.lookup.StaticHashTable]  # of the wide part, and of the deep one


@dataclasses.dataclass(frozen=True, eq=False)  # hashed as itself: tf.function keeps what it traces by that
class GraphInputs:
    """The features as TensorFlow operations, from `graph_inputs`: call it with raw tensors.

    Args:
        function: from raw tensors to the model's inputs.
        tables: the look-up tables that the function reads.
    """

    function: Callable[[Tensors], Tensors]
    tables: Tables  # they must live as long as the function

    def __call__(self, tensors: Tensors) -> Tensors:
        """The model's inputs, from a dict that `raw_tensors` returned."""
        return self.function(tensors)


def gap_of(wide: WideFeatures | None, deep: DeepFeatures | None) -> bytes:
    """What stands for a missing text in the raw tensors of fitted parts: GAP if a gap is a value, else the empty text.

    Args:
        wide: what `fit_wide` returned, or None.
        deep: what `fit_deep` returned, or None.

    Returns:
        The bytes, which `raw_tensors` takes.

    Raises:
        ValueError: a gap is a value in one of the two alone.

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> gap_of(wdl.fit_wide(pd.DataFrame({"city": ["Rome", None]}), ["city"], missing="value"), None)
        b'\\xff'
    """
    are_values = {"missing" in part for part in (wide, deep) if part is not None}
    if len(are_values) > 1:
        raise ValueError("A gap is a value in one part and an error in the other: fit both with the same missing=.")
    return GAP if True in are_values else b""


def graph_inputs(wide: WideFeatures | None, deep: DeepFeatures | None, tables: Tables | None = None) -> GraphInputs:
    """The features as TensorFlow operations: what `joint_inputs` does to a frame, done to raw tensors.

    Args:
        wide: what `fit_wide` returned, or None.
        deep: what `fit_deep` returned, or None.
        tables: those of another call for the same vocabularies, so that memory holds them once.

    Returns:
        `GraphInputs`: dict from `raw_tensors` → dict of the model's inputs. It can be called, mapped over a
        `tf.data.Dataset`, and exported.

    Raises:
        ValueError: a feature is a text that UTF-8 cannot hold, or a gap is a value in one part alone.

    Taught in: notebook 10, "Monday: one artefact".

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo", "Rome"], "age": [20, 30, 40]})
        >>> features = graph_inputs(wdl.fit_wide(frame, ["city"]), wdl.fit_deep(frame, [], ["age"], n_quantiles=2))
        >>> found = features({"city": tf.constant(["Oslo", "Bern"]), "age": tf.constant([50.0, 20.0], tf.float64)})
        >>> found["wide_ids"].numpy().tolist(), found["numbers"].numpy().tolist()
        ([[2], [0]], [[1.0], [0.0]])
    """
    gap_of(wide, deep)  # which checks them
    if tables is None:
        tables = _lookup_tables(wide, deep)

    def inputs(tensors: Tensors) -> Tensors:
        # A feature is 1 however often a list repeats its value.
        lists = {column: t for column, t in tensors.items() if isinstance(t, tf.RaggedTensor)}
        tensors = tensors | {column: _drop_repeats(tensor) for column, tensor in lists.items()}
        found = {}
        if wide is not None:
            found["wide_ids"] = _wide_ids(tensors, wide, tables.get("wide"))
        if deep is not None:
            found["deep_ids"] = _deep_ids(tensors, deep, tables["deep"])
            found["numbers"] = _deep_numbers(tensors, deep)
        return found

    return GraphInputs(inputs, tables)


def _lookup_tables(wide: WideFeatures | None, deep: DeepFeatures | None) -> Tables:
    tables: Tables = {}
    if wide is not None and wide["vocabulary"] is not None:
        tables["wide"] = _lookup_table(wide["vocabulary"])
    if deep is not None:
        tables["deep"] = _lookup_table({_unescape(name): i for name, i in deep["vocabulary"].items()})
    return tables


def _lookup_table(vocabulary: Mapping[str, int]) -> tf.lookup.StaticHashTable:
    """A table string → id; '', the name of no feature, and all other strings have the id 0."""
    try:
        names = tf.constant(["", *vocabulary], tf.string)
    except ValueError:
        wrong = next(name for name in vocabulary if not is_utf8(name))
        raise ValueError(f"The feature {wrong!r} is no text that UTF-8 can hold; an export needs one.") from None
    ids = tf.constant([0, *vocabulary.values()], tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(names, ids), default_value=0)


def _drop_repeats(lists: tf.RaggedTensor) -> tf.RaggedTensor:
    """Each value of a list once, where it stands first: [[p, q, p], [p]] becomes [[p, q], [p]].

    The comments follow this example.
    """
    _, code = tf.unique(lists.values, tf.int64)  # (values,)  p q p p → 0 1 0 0
    pair = lists.value_rowids() * tf.size(code, tf.int64) + code  # (values,), row and value as one number: 0 1 0 4
    _, pair = tf.unique(pair)  # (values,), counted from 0: 0 1 0 2
    place = tf.range(tf.size(pair))  # (values,)  0 1 2 3
    first_place = tf.math.unsorted_segment_min(place, pair, tf.size(pair))  # of each pair: 0 1 3
    is_first = tf.gather(first_place, pair) == place  # (values,)  True True False True
    return tf.ragged.boolean_mask(lists, lists.with_values(is_first))


def _wide_ids(tensors: Tensors, wide: WideFeatures, table: tf.lookup.StaticHashTable | None) -> tf.Tensor:
    """The ids of the binary features that are 1, int32 (rows, k); 0 fills up."""
    base = {}  # column → names (rows, width of the column)
    for column in used_columns(wide, None):
        boundaries = wide["boundaries"].get(column)
        base[column] = _feature_names(
            feature_prefix(column),
            _escape(tensors[column]),
            boundaries,
            wide.get("longest"),
            missing_name(column) if "missing" in wide else "",
        )
    names = tf.concat([_cross_names([base[column] for column in feature]) for feature in wide["features"]], axis=1)
    if table is not None:
        ids = table.lookup(names)  # (rows, k)
    else:
        buckets = tf.strings.to_hash_bucket_fast(names, wide["n_ids"] - 1)
        ids = tf.where(names == "", tf.constant(0, tf.int64), buckets + 1)
    return tf.cast(ids, tf.int32)


def _deep_ids(tensors: Tensors, deep: DeepFeatures, table: tf.lookup.StaticHashTable) -> tf.Tensor:
    """The ids of the categories' values, int32 (rows, categories, width); 0 fills up.

    A name of one column is unambiguous with its value as it is. So here the table's names are unescaped, once, in place
    of the values with each request. All columns of text are named by one operation: with few rows, operations are what
    takes the time.
    """
    n_rows = _n_rows(tensors)
    if not deep["categories"]:
        return tf.zeros((n_rows, 0, 1), tf.int32)
    prefixes = {column: _unescape(feature_prefix(column)) for column in deep["categories"]}
    texts = [column for column in prefixes if _is_text(tensors[column])]
    others = [column for column in prefixes if column not in texts]
    names = []  # (rows, texts), and of each other one (rows, its width)
    if texts:
        values = tf.stack([tensors[column] for column in texts], axis=1)  # (rows, texts)
        named = tf.constant([prefixes[column] for column in texts]) + values
        if "missing" in deep:
            gaps = tf.constant([[_unescape(missing_name(column)) for column in texts]])
            named = tf.where(values == GAP, gaps, named)
        names.append(named)
    for column in others:
        gap_name = _unescape(missing_name(column)) if "missing" in deep else ""
        names.append(_feature_names(prefixes[column], tensors[column], None, deep.get("longest"), gap_name))
    widths = [tf.shape(block)[1] for block in names]
    # The ids are filled up to one width, and not the names: most of what would be looked up is filling.
    ids = tf.cast(table.lookup(tf.concat(names, axis=1)), tf.int32)  # (rows, texts + sum of the others' widths)
    ids_of_texts, *ids_of_others = tf.split(ids, widths, axis=1) if texts else [None, *tf.split(ids, widths, axis=1)]
    width = tf.reduce_max([1, *widths[len(names) - len(others) :]])
    blocks = []
    if texts:
        blocks.append(tf.pad(ids_of_texts[:, :, None], [[0, 0], [0, 0], [0, width - 1]]))  # (rows, texts, width)
    for block in ids_of_others:
        blocks.append(tf.pad(block, [[0, 0], [0, width - tf.shape(block)[1]]])[:, None])  # (rows, 1, width)
    order = [[*texts, *others].index(column) for column in deep["categories"]]
    return tf.gather(tf.concat(blocks, axis=1), order, axis=1)


def _is_text(tensor: Any) -> bool:
    return not isinstance(tensor, tf.RaggedTensor) and tensor.dtype == tf.string


def _deep_numbers(tensors: Tensors, deep: DeepFeatures) -> tf.Tensor:
    """The numbers by their quantile, float32 (rows, numbers) in [0, 1]; a missing one becomes the median.

    If a gap is a value, the indicators follow.
    """
    if not deep["boundaries"]:
        return tf.zeros((_n_rows(tensors), 0))
    values = tf.stack([tensors[column] for column in deep["boundaries"]])  # (numbers, rows)
    each = list(deep["boundaries"].values())
    longest = max(map(len, each))
    # One matrix for all: no number that is left reaches the infinite ones, which fill up.
    filled_up = np.stack([np.pad(cuts, (0, longest - len(cuts)), constant_values=np.inf) for cuts in each])
    of_training = deep.get("medians", {})
    medians = np.array([[of_training.get(c, cuts[len(cuts) // 2])] for c, cuts in deep["boundaries"].items()])
    gaps = ~tf.math.is_finite(values)  # (numbers, rows)
    values = tf.where(gaps, tf.constant(medians, tf.float64), values)  # medians: (numbers, 1)
    index = tf.searchsorted(tf.constant(filled_up, tf.float64), values, side="right")  # (numbers, rows)
    shares = tf.cast(index, tf.float64) / np.array([[len(cuts)] for cuts in each], "float64")
    if deep.get("indicators"):
        rows = [list(deep["boundaries"]).index(column) for column in deep["indicators"]]
        shares = tf.concat([shares, tf.cast(tf.gather(gaps, rows), tf.float64)], axis=0)
    return tf.transpose(tf.cast(shares, tf.float32))


def _n_rows(tensors: Tensors) -> tf.Tensor:
    first = next(iter(tensors.values()))
    return tf.cast(first.nrows(), tf.int32) if isinstance(first, tf.RaggedTensor) else tf.size(first)


def _text_names(prefix: str, texts: Any, gap_name: str) -> Any:
    """The names 'column=text' of texts, of a shape like theirs; and `gap_name`, if there is one, for GAP."""
    names = tf.strings.join([prefix, texts])
    return tf.where(texts == GAP, gap_name, names) if gap_name else names


def _feature_names(
    prefix: str, tensor: Any, boundaries: np.ndarray | None, longest: int | None, gap_name: str
) -> tf.Tensor:
    """The names 'column=value' of a column's values, (rows, width); '' fills up.

    A gap is named `gap_name`. If that is '', a missing number has no name, and a missing text is the text ''.
    """
    if isinstance(tensor, tf.RaggedTensor):
        lists = tensor if longest is None else tensor[:, :longest]
        return lists.with_values(_text_names(prefix, lists.values, gap_name)).to_tensor("")
    if tensor.dtype == tf.string:
        return _text_names(prefix, tensor, gap_name)[:, None]
    if boundaries is not None:
        is_value = tf.math.is_finite(tensor)  # (rows,)
        buckets = tf.constant(bucket_names(boundaries).tolist())  # (boundaries + 1,)
        texts = tf.gather(buckets, _quantile_index(tf.where(is_value, tensor, 0), boundaries))
    else:
        # From 2⁵³ on two whole numbers may be the same float, and one must not get the other's weight.
        is_value = (tf.abs(tensor) < 2**53) & (tf.round(tensor) == tensor)  # (rows,)
        texts = tf.strings.as_string(tf.cast(tf.where(is_value, tensor, 0), tf.int64))
    otherwise = tf.where(tf.math.is_finite(tensor), "", gap_name)
    return tf.where(is_value, tf.strings.join([prefix, texts]), otherwise)[:, None]


def _escape(values: Any) -> Any:
    """`wide_deep.columns.escaped` in the graph; numbers stay as they are."""
    return tf.strings.regex_replace(values, " &", " &&") if values.dtype == tf.string else values


def _unescape(name: str) -> str:
    return name.replace(" &&", " &")


def _cross_names(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    """All combinations of the names of several columns, (rows, product of their widths); '' if one of them is ''."""
    names = parts[0]  # (rows, width)
    for part in parts[1:]:
        left = names[:, :, None]  # (rows, width, 1)
        right = part[:, None, :]  # (rows, 1, width of the part)
        pairs = tf.where((left == "") | (right == ""), "", left + AND + right)  # (rows, width, width of the part)
        names = tf.reshape(pairs, [tf.shape(pairs)[0], tf.shape(pairs)[1] * tf.shape(pairs)[2]])
    return names


def _quantile_index(values: tf.Tensor, boundaries: np.ndarray) -> tf.Tensor:
    return tf.searchsorted(tf.constant(boundaries, tf.float64), values, side="right")


def parse_examples(
    serialised: tf.Tensor,
    kinds: Mapping[str, ColumnType],
    boundaries: Mapping[str, np.ndarray],
    gap: bytes = b"",
) -> Tensors:
    """The raw tensors of serialised `tf.Example`s; a feature that is not there is missing.

    Args:
        serialised: string tensor (rows,), from `tf_examples`.
        kinds: from `column_types`.
        boundaries: of each number, ascending: the number that is rounded to a boundary's float32 is that boundary.
        gap: what stands for a missing text, from `gap_of`.

    Returns:
        dict column → tensor, as `raw_tensors` makes them.

    Example:
        >>> from recommender.raw_columns import tf_examples
        >>> examples = tf_examples({"age": [47.3]}, {"age": "number"})
        >>> float(parse_examples(tf.constant(examples), {"age": "number"}, {"age": np.array([47.3])})["age"][0])
        47.3
    """
    features = {
        "number": tf.io.FixedLenFeature([], tf.float32, default_value=np.nan),
        "text": tf.io.FixedLenFeature([], tf.string, default_value=gap),
        "list": tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    }
    tensors = tf.io.parse_example(serialised, {column: features[kind] for column, kind in kinds.items()})
    for column, kind in kinds.items():
        if kind == "number":
            tensors[column] = _snap_to_edges(tensors[column], boundaries[column])
    return tensors


def _snap_to_edges(values: tf.Tensor, boundaries: np.ndarray) -> tf.Tensor:
    """Numbers that were rounded to float32, as float64; a number to which a boundary is rounded becomes that boundary.

    47.3 arrives as 47.299999. The boundary 47.3 is rounded to the same float32, so 47.3 was meant, and the number
    belongs into the group above it.
    """
    rounded = tf.constant(boundaries, tf.float32)  # (boundaries,)
    place = tf.searchsorted(rounded, values)  # (rows,), of the first boundary that is not below
    nearest = tf.gather(tf.constant(boundaries, tf.float64), tf.minimum(place, len(boundaries) - 1))  # (rows,)
    is_boundary = tf.cast(nearest, tf.float32) == values
    return tf.where(is_boundary, nearest, tf.cast(values, tf.float64))
