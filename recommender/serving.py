"""From a trained model to one that answers requests: section 4.3 of the paper.

Read it from top to bottom, in the order in which data flows.

    graph_inputs                     the features as TensorFlow operations, on the tensors of `raw_columns`
    scorer                           the function that scores with an export
    signature_names, export          one artefact that takes raw columns and returns probabilities
"""

import itertools
import keyword
import pathlib
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from recommender.folders import check_replaceable, replace_folder
from recommender.raw_columns import Columns, ColumnType, Tensors, column_types, is_utf8, raw_tensors, tf_examples
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_logit
from wide_deep.columns import AND, bucket_names, exact_below, feature_prefix
from wide_deep.features import DeepFeatures, WideFeatures, features_and_buckets, optional_inputs, used_columns
from wide_deep.models import Lookup
from wide_deep.tables import PathLike
from wide_deep.training import predict

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

__all__ = ["GraphInputs", "check_fits", "export", "graph_inputs", "scorer", "signature_names"]

# ------------------------------------------------------------------------------- features in the graph


class GraphInputs(NamedTuple):
    """The features as TensorFlow operations, from `graph_inputs`: call it with raw tensors."""

    function: Callable[[Tensors], Tensors]
    tables: dict[str, tf.lookup.StaticHashTable]  # by part, 'wide' or 'deep'; they must live as long as the function

    def __call__(self, tensors: Tensors) -> Tensors:
        """The model's inputs, from a dict that `raw_tensors` returned."""
        return self.function(tensors)


def graph_inputs(wide: WideFeatures | None, deep: DeepFeatures | None) -> GraphInputs:
    """The features as TensorFlow operations: what `joint_inputs` does to a frame, done to raw tensors.

    Args:
        wide: what `fit_wide` returned, or None.
        deep: what `fit_deep` returned, or None.

    Returns:
        A function: dict from `raw_tensors` → dict of the model's inputs. It can be called, mapped over a
        `tf.data.Dataset`, and exported.

    Raises:
        ValueError: a feature is a text that UTF-8 cannot hold.

    Taught in: notebook 10, "One artefact".

    Example:
        >>> import wdl_helpers as wdl
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo", "Rome"], "age": [20, 30, 40]})
        >>> features = graph_inputs(wdl.fit_wide(frame, ["city"]), wdl.fit_deep(frame, [], ["age"], n_quantiles=2))
        >>> inputs = features({"city": tf.constant(["Oslo", "Bern"]), "age": tf.constant([50.0, 20.0], tf.float64)})
        >>> inputs["wide_ids"].numpy().tolist(), inputs["numbers"].numpy().tolist()
        ([[2], [0]], [[1.0], [0.0]])
    """
    tables: dict[str, tf.lookup.StaticHashTable] = {}
    if wide is not None and wide["vocabulary"] is not None:
        tables["wide"] = _lookup_table(wide["vocabulary"])
    if deep is not None:
        tables["deep"] = _lookup_table({_unescape(name): i for name, i in deep["vocabulary"].items()})

    def inputs_of(tensors: Tensors) -> Tensors:
        # A feature is 1 however often a list repeats its value.
        lists = {column: t for column, t in tensors.items() if isinstance(t, tf.RaggedTensor)}
        tensors = tensors | {column: _drop_repeats(tensor) for column, tensor in lists.items()}
        inputs = {}
        if wide is not None:
            inputs["wide_ids"] = _wide_ids(tensors, wide, tables.get("wide"))
        if deep is not None:
            inputs["deep_ids"] = _deep_ids(tensors, deep, tables["deep"])
            inputs["numbers"] = _deep_numbers(tensors, deep)
        return inputs

    return GraphInputs(inputs_of, tables)


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
    """Each value of a list once, at its first position: [[p, q, p], [p]] becomes [[p, q], [p]].

    The comments follow this example.
    """
    _, code = tf.unique(lists.values, tf.int64)  # (values,)  p q p p → 0 1 0 0
    pair = lists.value_rowids() * tf.size(code, tf.int64) + code  # (values,), row and value as one number: 0 1 0 4
    _, pair = tf.unique(pair)  # (values,), counted from 0: 0 1 0 2
    index = tf.range(tf.size(pair))  # (values,)  0 1 2 3
    first_index = tf.math.unsorted_segment_min(index, pair, tf.size(pair))  # of each pair: 0 1 3
    is_first = tf.gather(first_index, pair) == index  # (values,)  True True False True
    return tf.ragged.boolean_mask(lists, lists.with_values(is_first))


def _wide_ids(tensors: Tensors, wide: WideFeatures, table: tf.lookup.StaticHashTable | None) -> tf.Tensor:
    """The ids of the binary features that are 1, int32 (rows, k); 0 fills up."""
    base = {}  # column → names (rows, width of the column)
    for column in used_columns(wide, None):
        boundaries = wide["boundaries"].get(column)
        base[column] = _feature_names(feature_prefix(column), _escape(tensors[column]), boundaries, wide.get("longest"))
    names = tf.concat([_cross_names([base[column] for column in feature]) for feature in wide["features"]], axis=1)
    if table is not None:
        ids = table.lookup(names)  # (rows, k)
    else:
        buckets = tf.strings.to_hash_bucket_fast(names, wide["n_ids"] - 1)
        ids = tf.where(names == "", tf.constant(0, tf.int64), buckets + 1)
    return tf.cast(ids, tf.int32)


def _deep_ids(tensors: Tensors, deep: DeepFeatures, table: tf.lookup.StaticHashTable) -> tf.Tensor:
    """The ids of the categories' values, int32 (rows, categories, width); 0 fills up.

    The name of a single column is unambiguous without escaping. So the names in the table are unescaped once, in place
    of escaping the values of each request.
    """
    n_rows = _n_rows(tensors)
    if not deep["categories"]:
        return tf.zeros((n_rows, 0, 1), tf.int32)
    names = []  # of each category, (rows, its width)
    for column in deep["categories"]:
        prefix = _unescape(feature_prefix(column))
        names.append(_feature_names(prefix, tensors[column], None, deep.get("longest")))
    widths = [tf.shape(block)[1] for block in names]
    width = tf.reduce_max([1, *widths])
    # The ids are filled up to one width, and not the names: most of what would be looked up is filling.
    ids = tf.cast(table.lookup(tf.concat(names, axis=1)), tf.int32)  # (rows, sum of widths)
    blocks = []
    for block, size in zip(tf.split(ids, widths, axis=1), widths, strict=True):
        blocks.append(tf.pad(block, [[0, 0], [0, width - size]]))  # (rows, width)
    return tf.stack(blocks, axis=1)


def _deep_numbers(tensors: Tensors, deep: DeepFeatures) -> tf.Tensor:
    """The numbers by their quantile, float32 (rows, numbers) in [0, 1]; a missing one becomes the median."""
    columns = []
    for column, boundaries in deep["boundaries"].items():
        values = tensors[column]  # (rows,)
        median = tf.constant(boundaries[len(boundaries) // 2], tf.float64)
        filled = tf.where(tf.math.is_finite(values), values, median)
        columns.append(tf.cast(_quantile_index(filled, boundaries) / len(boundaries), tf.float32))
    return tf.stack(columns, axis=1) if columns else tf.zeros((_n_rows(tensors), 0))


def _n_rows(tensors: Tensors) -> tf.Tensor:
    first = next(iter(tensors.values()))
    return tf.cast(first.nrows(), tf.int32) if isinstance(first, tf.RaggedTensor) else tf.size(first)


def _feature_names(prefix: str, tensor: Any, boundaries: np.ndarray | None, longest: int | None) -> tf.Tensor:
    """The names 'column=value' of a column's values, (rows, width); '' fills up, and stands for a missing number."""
    if isinstance(tensor, tf.RaggedTensor):
        values = tensor if longest is None else tensor[:, :longest]
        return tf.strings.join([prefix, values]).to_tensor("")
    if tensor.dtype == tf.string:
        return tf.strings.join([prefix, tensor])[:, None]
    if boundaries is not None:
        is_value = tf.math.is_finite(tensor)  # (rows,)
        buckets = tf.constant(bucket_names(boundaries).tolist())  # (boundaries + 1,)
        texts = tf.gather(buckets, _quantile_index(tf.where(is_value, tensor, 0), boundaries))
    else:
        # From 2⁵³ on two whole numbers may be the same float, and one must not get the other's weight.
        is_value = (tf.abs(tensor) < 2**53) & (tf.round(tensor) == tensor)  # (rows,)
        texts = tf.strings.as_string(tf.cast(tf.where(is_value, tensor, 0), tf.int64))
    return tf.where(is_value, tf.strings.join([prefix, texts]), "")[:, None]


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


def _parse_examples(
    serialised: tf.Tensor, types: Mapping[str, ColumnType], boundaries: Mapping[str, np.ndarray]
) -> Tensors:
    """The raw tensors of serialised examples; a feature that is not there is missing."""
    features = {
        "number": tf.io.FixedLenFeature([], tf.float32, default_value=np.nan),
        "text": tf.io.FixedLenFeature([], tf.string, default_value=""),
        "list": tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    }
    tensors = tf.io.parse_example(serialised, {column: features[column_type] for column, column_type in types.items()})
    for column, column_type in types.items():
        if column_type == "number":
            tensors[column] = _snap_to_edges(tensors[column], boundaries[column])
    return tensors


def _snap_to_edges(values: tf.Tensor, boundaries: np.ndarray) -> tf.Tensor:
    """Numbers that were rounded to float32, as float64; a number to which a boundary is rounded becomes that boundary.

    47.3 arrives as 47.299999. The boundary 47.3 is rounded to the same float32, so 47.3 was meant, and the number
    belongs into the group above it.
    """
    rounded = tf.constant(boundaries, tf.float32)  # (boundaries,)
    index = tf.searchsorted(rounded, values)  # (rows,), of the first boundary that is not below
    nearest = tf.gather(tf.constant(boundaries, tf.float64), tf.minimum(index, len(boundaries) - 1))  # (rows,)
    is_boundary = tf.cast(nearest, tf.float32) == values
    return tf.where(is_boundary, nearest, tf.cast(values, tf.float64))


# ------------------------------------------------------------------------------------ export and serve


EXPORTED = {"assets", "assets.extra", "fingerprint.pb", "saved_model.pb", "variables"}  # what an export consists of


def scorer(folder: PathLike) -> Callable[[Columns], np.ndarray]:
    """Load an export and return the function that scores with it.

    A SavedModel is a program: load only what you trust.

    Args:
        folder: path that `export` wrote.

    Returns:
        function (data frame, or dict column → one entry a row) → float64 array (rows,), the probability of label 1. It
        may be called from many threads at once. Unseen and missing values are answered: see the top of `raw_columns`.
        Its errors are those of `raw_tensors`, and a ValueError that names the folder if the export's own graph fails.

    Raises:
        OSError: there is no SavedModel.
        ValueError: it was not written by `export`.

    Taught in: notebook 10, "One artefact".

    Example:
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export(wdl.wide_model(wide), wide, None, pd.DataFrame({"city": ["Rome"]}), f"{folder}/model")
        ...     scorer(f"{folder}/model")({"city": ["Oslo", "Bern"]}).tolist()
        [0.5, 0.5]
    """
    loaded = tf.saved_model.load(str(folder))
    if not hasattr(loaded, "score"):
        raise ValueError(f"{folder} has no function 'score': write it with export.")
    # There is one graph; to call it by itself saves the check of each argument, and half of Python's share.
    graph = loaded.score.concrete_functions[0]
    (specs,), _ = graph.structured_input_signature
    types = {column: _type_of(spec) for column, spec in sorted(specs.items())}

    def score(columns: Columns) -> np.ndarray:
        tensors = raw_tensors(columns, types)
        try:
            return graph(tensors)["probability"].numpy()
        except tf.errors.OpError as error:
            raise ValueError(f"The export in {folder} cannot score the request: {error.message}") from error

    return score


def _type_of(spec: tf.TypeSpec) -> ColumnType:
    if isinstance(spec, tf.RaggedTensorSpec):
        return "list"
    return "text" if spec.dtype == tf.string else "number"


def signature_names(types: Mapping[str, ColumnType]) -> dict[str, list[str]]:
    """The names of the inputs of an export's signature 'columns'.

    TensorFlow accepts ASCII names that begin with a letter, are not keywords of Python, and differ not only in case.

    Args:
        types: from `column_types`.

    Returns:
        dict column → its inputs' names. A list column has two inputs: the values of all rows one after the other, and
        how many each row has. A column that has such a name keeps it. In any other name '_' stands for other
        characters, 'c_' before what is not a name then, and a number behind a name that is taken.

    Example:
        >>> signature_names({"a_b": "text", "a b": "text", "größe": "number", "class": "text", "tags": "list"})
        {'a_b': ['a_b'], 'a b': ['a_b_2'], 'größe': ['gr__e'], 'class': ['c_class'], 'tags': ['tags', 'tags_lengths']}
    """
    input_names: dict[str, list[str]] = {}
    used_names: set[str] = set()
    for column in sorted(types, key=lambda column: not _is_signature_name(column)):  # those that keep theirs first
        input_names[column] = [_free_name(column, used_names)]
    for column, column_type in types.items():
        if column_type == "list":
            input_names[column].append(_free_name(f"{input_names[column][0]}_lengths", used_names))
    return {column: input_names[column] for column in types}


def _is_signature_name(name: str) -> bool:
    is_plain = re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) is not None
    return is_plain and not keyword.iskeyword(name) and name != "self"


def _free_name(column: str, used_names: set[str]) -> str:
    """A name for a signature, close to the column's and not among `used_names`, to which it is added in lower case."""
    stem = re.sub("[^A-Za-z0-9_]", "_", column)
    if not _is_signature_name(stem):
        stem = f"c_{stem}"
    name = stem
    number = 2
    while name.lower() in used_names:
        name = f"{stem}_{number}"
        number += 1
    used_names.add(name.lower())
    return name


def check_fits(model: keras.Model, wide: WideFeatures | None, deep: DeepFeatures | None) -> None:
    """Raise a clear error unless the features have the sizes that a model was built for.

    Args:
        model: Keras model.
        wide: what `fit_wide` returned, or None.
        deep: what `fit_deep` returned, or None.

    Raises:
        ValueError: a table has another number of rows than the part has ids, the model takes another number of
            categories or numbers, or it takes a part that is None.

    Example:
        >>> import wdl_helpers as wdl
        >>> one_city = wdl.fit_wide(pd.DataFrame({"city": ["Rome"]}), ["city"])
        >>> two_cities = wdl.fit_wide(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"])
        >>> check_fits(wdl.wide_model(one_city), two_cities, None)
        Traceback (most recent call last):
        ValueError: The model 'wide' has 2 rows in the table 'wide_weights', but the wide features have 3 ids: they do \
not belong together.
    """
    shapes = {tensor.name: tensor.shape for tensor in model.inputs}
    for name, part, part_name in (("wide_ids", wide, "wide"), ("deep_ids", deep, "deep"), ("numbers", deep, "deep")):
        if name in shapes and part is None:
            raise ValueError(f"The model '{model.name}' has the input '{name}', but the {part_name} features are None.")
    if deep is not None:
        for name, columns in (("deep_ids", deep["categories"]), ("numbers", deep["boundaries"])):
            if name in shapes and shapes[name][1] not in (None, len(columns)):
                raise ValueError(
                    f"The model '{model.name}' takes {shapes[name][1]} columns as '{name}', but the deep features have "
                    f"{len(columns)}: they do not belong together."
                )
    for name, part, part_name in (("wide_ids", wide, "wide"), ("deep_ids", deep, "deep")):
        for layer in _tables_of(model, name):
            n_rows = layer.weights[0].shape[0]
            if part is not None and n_rows != part["n_ids"]:
                raise ValueError(
                    f"The model '{model.name}' has {n_rows} rows in the table '{layer.name}', but the {part_name} "
                    f"features have {part['n_ids']} ids: they do not belong together."
                )


def _tables_of(model: keras.Model, name: str) -> list[keras.layers.Layer]:
    """The layers that look up the ids of the model's input of this name."""
    fed = (layer for layer in model.layers if isinstance(layer, (Lookup, keras.layers.Embedding)))
    return [layer for layer in fed if getattr(layer.input, "name", None) == name]


def export(
    model: keras.Model,
    wide: WideFeatures | None,
    deep: DeepFeatures | None,
    sample: pd.DataFrame,
    folder: PathLike,
) -> None:
    """Write a SavedModel that takes raw columns, so that training and serving cannot differ.

    It needs plain TensorFlow to be loaded, and neither this module nor Keras. Its function `score` takes a dict column
    → tensor. For TensorFlow Serving it has two signatures: 'serving_default' takes a batch of serialised `tf.Example`s
    as `tf_examples` makes them, 'columns' takes the columns by the names that `signature_names` gives them.

    Args:
        model: Keras model that returns one logit a row.
        wide: what `fit_wide` returned, or None if the model has no wide part.
        deep: what `fit_deep` returned, or None if the model has no deep part.
        sample: some rows as in training. They show which columns hold lists, and the export must score them as the
            model does.
        folder: path to write to, or a link to it. An export that is there is replaced, once the new one is checked; for
            a moment there is none, so give each day a folder of its own where a server may load it.

    Raises:
        TypeError: the model is not a Keras model, the sample is not a frame, or a cell of it is not usable.
        KeyError: a column is missing.
        ValueError: the model returns something else than a logit, or does not belong to the features; a column that is
            a number and a category holds whole numbers that a float32 does not hold; or the export's scores of the
            sample, as columns or as examples, differ from the model's by more than 1e-6. Then nothing is written.
        FileExistsError: the folder holds something else than an export.
        OSError: it cannot be written to.

    Taught in: notebook 10, "One artefact".

    Example:
        >>> import wdl_helpers as wdl
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo"]})
        >>> wide = wdl.fit_wide(frame, ["city"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export(wdl.wide_model(wide), wide, None, frame, f"{folder}/model")
        ...     loaded = tf.saved_model.load(f"{folder}/model")
        >>> sorted(loaded.signatures), list(loaded.score.concrete_functions[0].structured_input_signature[0][0])
        (['columns', 'serving_default'], ['city'])
    """
    folder = check_replaceable(folder, EXPORTED)
    check_logit(model)
    check_fits(model, wide, deep)
    types = column_types(sample, wide, deep)
    _check_whole_categories(sample, wide, deep)
    expected = predict(model, optional_inputs(sample, wide, deep))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        new = pathlib.Path(beside, "new")
        _save(model, wide, deep, types, new)
        _check_scores(new, sample, types, expected)
        replace_folder(folder, new)


def _check_whole_categories(sample: pd.DataFrame, wide: WideFeatures | None, deep: DeepFeatures | None) -> None:
    """Refuse ids that would merge: a column that is a number too comes as a float, and in an example as float32."""
    parts = [part for part in (wide, deep) if part is not None]
    numbers = {column for part in parts for column in part["boundaries"]}
    categories = {column for part in parts for column in _categories_of(part)}
    for column in sorted(numbers & categories):
        in_vocabularies = [number for part in parts for number in _whole_numbers(part, column)]
        largest = max([*in_vocabularies, *sample[column]], key=abs)
        if abs(largest) >= exact_below(np.float32):
            raise ValueError(
                f"Column {column!r} is a number and a category, and holds {largest}: as a number of an example, "
                "whole numbers from 2**24 on are not told apart. Give the category a column of its own, as text."
            )


def _categories_of(part: WideFeatures | DeepFeatures) -> set[str]:
    """The columns of a part whose values are categories."""
    features, buckets = features_and_buckets(part)
    return set(itertools.chain(*features)) - set(buckets)


def _whole_numbers(part: WideFeatures | DeepFeatures, column: str) -> list[int]:
    """The whole numbers among the values of a column that a part's vocabulary names, alone or in a cross."""
    prefix = feature_prefix(column)
    values = [value for name in part["vocabulary"] or () for value in name.split(AND)]  # 'column=text', of crosses too
    texts = {value.removeprefix(prefix) for value in values if value.startswith(prefix)}
    return [int(text) for text in texts if re.fullmatch("-?[0-9]+", text)]


def _save(
    model: keras.Model,
    wide: WideFeatures | None,
    deep: DeepFeatures | None,
    types: Mapping[str, ColumnType],
    folder: pathlib.Path,
) -> None:
    """Save the features' graph and the model's in one."""
    features = graph_inputs(wide, deep)
    model_inputs = [tensor.name for tensor in model.inputs]
    boundaries = _all_boundaries(wide, deep)
    input_names = signature_names(types)
    module = tf.Module()  # what hangs on it is saved
    module.tables = features.tables
    module.model_variables = [variable.value for variable in model.variables]

    def score(columns: Tensors) -> Tensors:
        inputs = features(columns)
        logits = model({name: inputs[name] for name in model_inputs}, training=False)[:, 0]  # (rows,)
        return {"logit": logits, "probability": tf.sigmoid(tf.cast(logits, tf.float64))}

    def score_named(inputs: Tensors) -> Tensors:
        return module.score(_columns_of(inputs, input_names))

    def score_examples(examples: tf.Tensor) -> Tensors:
        return module.score(_parse_examples(examples, types, boundaries))

    specs = {column: _spec(column_type, input_names[column][0]) for column, column_type in types.items()}
    module.score = tf.function(score, input_signature=[specs])
    named = tf.function(score_named, input_signature=[_named_specs(types, input_names)])
    from_examples = tf.function(score_examples, input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": from_examples, "columns": named})


def _all_boundaries(wide: WideFeatures | None, deep: DeepFeatures | None) -> dict[str, np.ndarray]:
    """The boundaries of each number in both parts together, ascending."""
    boundaries_of: dict[str, list[float]] = {}
    for part in (wide, deep):
        if part is not None:
            for column, boundaries in part["boundaries"].items():
                boundaries_of.setdefault(column, []).extend(boundaries)
    return {column: np.unique(boundaries) for column, boundaries in boundaries_of.items()}


def _spec(column_type: ColumnType, name: str) -> tf.TypeSpec:
    if column_type == "list":
        return tf.RaggedTensorSpec([None, None], tf.string, 1)
    return tf.TensorSpec([None], tf.float64 if column_type == "number" else tf.string, name)


def _named_specs(types: Mapping[str, ColumnType], input_names: Mapping[str, list[str]]) -> dict[str, tf.TensorSpec]:
    """The inputs of the signature 'columns', by name; a signature holds no ragged tensor, so a list column has two."""
    specs = {}
    for column, column_type in types.items():
        if column_type == "list":
            values, lengths = input_names[column]
            specs[values] = tf.TensorSpec([None], tf.string, values)
            specs[lengths] = tf.TensorSpec([None], tf.int64, lengths)
        else:
            specs[input_names[column][0]] = _spec(column_type, input_names[column][0])
    return specs


def _columns_of(inputs: Tensors, input_names: Mapping[str, list[str]]) -> Tensors:
    columns = {}
    for column, (values, *lengths) in input_names.items():
        columns[column] = inputs[values]
        if lengths:
            columns[column] = tf.RaggedTensor.from_row_lengths(inputs[values], inputs[lengths[0]])
    return columns


def _check_scores(
    folder: pathlib.Path, sample: pd.DataFrame, types: Mapping[str, ColumnType], expected: np.ndarray
) -> None:
    """Refuse an export whose scores of a sample differ from the model's, as columns or as examples."""
    from_examples = tf.saved_model.load(str(folder)).signatures["serving_default"]
    examples = tf.constant(tf_examples(sample, types))
    exported = {
        "scores of the sample": scorer(folder)(sample),
        "scores of the sample as tf.Examples, which hold numbers as float32,": from_examples(examples)["probability"],
    }
    for name, probabilities in exported.items():
        difference = np.abs(probabilities - expected).max()
        if not difference <= 1e-6:
            raise ValueError(f"The export's {name} differ from the model's by up to {difference:.2g}.")
