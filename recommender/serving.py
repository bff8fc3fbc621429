"""From a trained model to one that answers requests: section 4.3 of the paper on top of `wdl_helpers`.

Read it from top to bottom: the functions stand in the order in which data flows.

    column_kinds, raw_tensors        raw columns, checked
    graph_inputs                     the features as TensorFlow operations
    export, scorer                   one artefact that takes raw columns and returns probabilities
"""

import pathlib
import re
import shutil
import tempfile

import wdl_helpers as wdl

import numpy as np
import pandas as pd
import tensorflow as tf

# --------------------------------------------------------------------------------------- raw columns


def column_kinds(frame, wide, deep):
    """What each column of the model's raw input is: 'number', 'text' or 'list'.

    Args:
        frame: data frame with rows as in training, to see which columns hold lists.
        wide, deep: what `fit_wide` and `fit_deep` returned; either may be None.
    Returns:
        dict column → kind. A column that is cut into quantiles somewhere is a number, and anything else is text.
    Raises:
        KeyError: a column is missing.
    """
    columns = wdl.used_columns(wide, deep)
    wdl.check_frame(frame, columns)
    numbers = {column for part in (wide, deep) if part for column in part["boundaries"]}
    lists = {column for column in columns if frame[column].map(_is_list).any()}
    return {column: "number" if column in numbers else "list" if column in lists else "text" for column in columns}


def _is_list(value):
    return isinstance(value, (list, tuple, np.ndarray))


def raw_tensors(columns, kinds):
    """Check raw columns and turn them into tensors.

    A missing text becomes '', as if it were that; a missing list is empty, and a missing number is NaN.

    Args:
        columns: data frame, or dict column → list or array, one entry a row. kinds: from `column_kinds`.
    Returns:
        dict column → float64 tensor (rows,) for numbers, string tensor (rows,) for text, ragged string tensor
        (rows, any) for lists.
    Raises:
        KeyError: a column is missing. TypeError: a column holds another kind. ValueError: lengths differ.
    """
    tensors, n_rows = {}, None
    for column, kind in kinds.items():
        if column not in columns:
            raise KeyError(f"The request has no column {column!r}; expected {list(kinds)}.")
        values = columns[column]
        if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
            raise TypeError(f"Column {column!r} is {values!r}; expected a list with one entry a row.")
        if n_rows not in (None, len(values)):
            raise ValueError(f"Column {column!r} has {len(values)} rows; the columns before it have {n_rows}.")
        n_rows = len(values)
        tensors[column] = {"number": _number_tensor, "text": _text_tensor, "list": _list_tensor}[kind](column, values)
    return tensors


def _number_tensor(column, values):
    array = np.asarray(values)
    if array.dtype.kind in "fiu":
        return tf.constant(array, tf.float64)
    series = pd.Series(list(values))  # finds the numbers among gaps
    if series.isna().all():
        return tf.constant(np.full(len(series), np.nan))
    if not pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series):
        is_number, is_bool = pd.api.types.is_number, pd.api.types.is_bool
        wrong = next(value for value in series.dropna() if is_bool(value) or not is_number(value))
        raise TypeError(f"Column {column!r} holds {wrong!r}; expected numbers.")
    return tf.constant(series.to_numpy("float64", na_value=np.nan))


def _text(column, value):
    """A value's text as `cross` writes it; a whole number stays one where pandas made a float of it."""
    if isinstance(value, str):
        return value
    if _is_list(value):
        raise TypeError(f"Column {column!r} holds the list {value!r}; expected one value a row.")
    if isinstance(value, bytes):
        raise TypeError(f"Column {column!r} holds the bytes {value!r}; expected text: decode them.")
    if pd.isna(value):
        return ""
    return str(int(value)) if isinstance(value, (float, np.floating)) and value.is_integer() else str(value)


def _text_tensor(column, values):
    return tf.constant([_text(column, value) for value in values], tf.string)


def _list_tensor(column, values):
    flat, lengths = [], []
    for value in values:
        if not _is_list(value) and not (value is None or value is pd.NA or value != value):
            raise TypeError(f"Column {column!r} holds {value!r}; expected a list in each row.")
        cell = [_text(column, item) for item in value] if _is_list(value) else []
        flat += cell
        lengths.append(len(cell))
    return tf.RaggedTensor.from_row_lengths(tf.constant(flat, tf.string), tf.constant(lengths, tf.int64))


def tf_examples(columns, kinds):
    """Rows as serialised `tf.Example`s, which an export's signature 'serving_default' takes.

    Args, `columns` and `kinds`, and errors are those of `raw_tensors`.
    Returns:
        list of bytes, one a row: numbers as a float_list, texts and lists of them as a bytes_list, in UTF-8.
    """
    tensors = raw_tensors(columns, kinds)
    cells = {
        column: tensor.to_list() if kinds[column] == "list" else tensor.numpy() for column, tensor in tensors.items()
    }
    serialised = []
    for i in range(len(next(iter(cells.values())))):
        example = tf.train.Example()
        for column, kind in kinds.items():
            feature, value = example.features.feature[column], cells[column][i]
            if kind == "number":
                feature.float_list.value.append(value)
            else:
                feature.bytes_list.value.extend(value if kind == "list" else [value])
        serialised.append(example.SerializeToString())
    return serialised


def _parsed(serialised, kinds, edges):
    """The raw tensors of serialised examples; a feature that is not there is missing. `edges`: column → boundaries."""
    features = {
        "number": tf.io.FixedLenFeature([], tf.float32, default_value=np.nan),
        "text": tf.io.FixedLenFeature([], tf.string, default_value=""),
        "list": tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    }
    tensors = tf.io.parse_example(serialised, {column: features[kind] for column, kind in kinds.items()})
    for column, boundaries in edges.items():
        # An example holds float32, a boundary is float64: the one that a boundary is rounded to stands for it.
        place = tf.searchsorted(tf.constant(boundaries, tf.float32), tensors[column])
        nearest = tf.gather(tf.constant(boundaries, tf.float64), tf.minimum(place, len(boundaries) - 1))
        is_boundary = tf.cast(nearest, tf.float32) == tensors[column]
        tensors[column] = tf.where(is_boundary, nearest, tf.cast(tensors[column], tf.float64))
    return tensors


# ------------------------------------------------------------------------------- features in the graph


def graph_inputs(wide, deep, kinds):
    """The features as TensorFlow operations: what `joint_inputs` does to a frame, done to raw tensors.

    Args:
        wide, deep: what `fit_wide` and `fit_deep` returned; either may be None. kinds: from `column_kinds`.
    Returns:
        function dict from `raw_tensors` → dict of the model's inputs. It can be called, mapped over a
        `tf.data.Dataset`, and exported; `tables` is an attribute with the lookup tables, to be kept alive.
        A missing or infinite number is unseen in the wide part and enters the deep part as the median.
    """
    tables = {name: _table(part["vocabulary"]) for name, part in (("wide", wide), ("deep", deep)) if part}

    def inputs(tensors):
        found = {}
        if wide:
            base = {
                column: _names(column, tensors[column], wide["boundaries"]) for column in wdl.used_columns(wide, None)
            }
            names = [_cross_names([base[column] for column in feature]) for feature in wide["features"]]
            found["wide_ids"] = _ids(tf.concat(names, axis=1), tables["wide"], wide["n_ids"] - 1)
        if deep:
            names = [_names(column, tensors[column], {}) for column in deep["categories"]]
            widths = [tf.shape(block)[1] for block in names]
            n_rows = tf.shape(next(iter(tensors.values())))[0]
            # The ids are filled up to one width, and not the names: most of what would be looked up is filling.
            ids = _ids(tf.concat([tf.zeros((n_rows, 0), tf.string), *names], axis=1), tables["deep"], deep["n_ids"] - 1)
            blocks = tf.split(ids, widths, axis=1) if names else []
            width = tf.reduce_max([1, *widths])
            padded = [tf.pad(block, [[0, 0], [0, width - size]]) for block, size in zip(blocks, widths, strict=True)]
            found["deep_ids"] = tf.stack(padded, axis=1) if padded else tf.zeros((n_rows, 0, 1), tf.int32)
            values = [_normalised(tensors[column], edges) for column, edges in deep["boundaries"].items()]
            found["numbers"] = tf.stack(values, axis=1) if values else tf.zeros((n_rows, 0))
        return found

    inputs.tables = tables
    return inputs


def _table(vocabulary):
    if vocabulary is None:  # hashed
        return None
    pairs = tf.constant(list(vocabulary), tf.string), tf.constant(list(vocabulary.values()), tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(*pairs), default_value=0)


def _names(column, tensor, boundaries):
    """The names 'column=value' of a column's values, (rows, width); '' fills up, and stands for a missing number."""
    if isinstance(tensor, tf.RaggedTensor):
        return _prefixed(column, _without_repeats(tensor)).to_tensor("")
    if tensor.dtype == tf.string:
        return _prefixed(column, tensor)[:, None]
    if column in boundaries:
        known = tf.math.is_finite(tensor)
        buckets = tf.constant(wdl.bucket_names(boundaries[column]).tolist())
        text = tf.gather(buckets, _quantile_index(tf.where(known, tensor, 0), boundaries[column]))
    else:
        known = tf.math.is_finite(tensor) & (tf.round(tensor) == tensor)
        text = tf.strings.as_string(tf.cast(tf.where(known, tensor, 0), tf.int64))
    return tf.where(known, _prefixed(column, text), "")[:, None]


def _prefixed(column, texts):
    return tf.strings.join([f"{column}=", texts])


def _without_repeats(ragged):
    """Each value once a row: a feature is 1 however often a list repeats its value."""
    keys = tf.strings.join([tf.strings.as_string(ragged.value_rowids()), "=", ragged.values])
    _, key = tf.unique(keys)
    position = tf.range(tf.size(keys))
    first = tf.math.unsorted_segment_min(position, key, tf.size(keys))
    return tf.ragged.boolean_mask(ragged, ragged.with_values(tf.gather(first, key) == position))


def _cross_names(parts):
    """All combinations of the names of several columns, each (rows, its width); '' if one of them is ''."""
    names = parts[0]
    for part in parts[1:]:
        left, right = names[:, :, None], part[:, None, :]
        pairs = tf.where((left == "") | (right == ""), "", left + wdl.AND + right)
        names = tf.reshape(pairs, [tf.shape(pairs)[0], tf.shape(pairs)[1] * tf.shape(pairs)[2]])
    return names


def _ids(names, table, n_buckets):
    ids = table.lookup(names) if table else tf.strings.to_hash_bucket_fast(names, n_buckets) + 1
    return tf.cast(tf.where(names == "", tf.constant(0, tf.int64), ids), tf.int32)


def _quantile_index(values, boundaries):
    return tf.searchsorted(tf.constant(boundaries, tf.float64), values, side="right")


def _normalised(values, boundaries):
    median = tf.constant(boundaries[len(boundaries) // 2], tf.float64)
    index = _quantile_index(tf.where(tf.math.is_finite(values), values, median), boundaries)
    return tf.cast(index / len(boundaries), tf.float32)


# ------------------------------------------------------------------------------------ export and serve


def scorer(folder):
    """Load an export and return the function that scores with it.

    Args:
        folder: path that `export` wrote.
    Returns:
        function (data frame, or dict column → list or array) → float64 array (rows,), the probability of label 1. It
        may be called from many threads at once. Unseen values are answered: they add nothing in the wide part, and
        have no vector in the deep part. So are missing ones. A text is scored as '', which is unseen too unless
        training had it or crosses are hashed; a number is unseen in the wide part and the median in the deep part.
        Its errors are those of `raw_tensors`.
    Raises:
        OSError: there is no SavedModel. ValueError: it was not written by `export`.
    """
    loaded = tf.saved_model.load(str(folder))
    if not hasattr(loaded, "score"):
        raise ValueError(f"{folder} has no function 'score': write it with export.")
    # There is one graph; to call it by itself saves the check of each argument, and half of Python's share.
    graph = loaded.score.concrete_functions[0]
    (specs,), _ = graph.structured_input_signature
    kinds = {column: _kind_of(spec) for column, spec in sorted(specs.items())}

    def score(columns):
        return graph(raw_tensors(columns, kinds))["probability"].numpy()

    return score


def _kind_of(spec):
    if isinstance(spec, tf.RaggedTensorSpec):
        return "list"
    return "text" if spec.dtype == tf.string else "number"


def export(model, wide, deep, sample, folder):
    """Write a SavedModel that takes raw columns, so that training and serving cannot differ.

    It needs plain TensorFlow to be loaded, and neither this module nor Keras. Its signature 'serving_default', for
    TensorFlow Serving, takes a batch of serialised `tf.Example`s as `tf_examples` makes them, 'columns' the columns.

    Args:
        model: Keras model that returns one logit a row.
        wide, deep: what `fit_wide` and `fit_deep` returned; either may be None if the model lacks the part.
        sample: data frame, some rows as in training. It shows which columns hold lists, and the export must score it
            as the model does.
        folder: path to write to. An export that is there is replaced, once the new one is checked; for a moment
            there is none, so give each day a folder of its own where a server may load it.
    Raises:
        KeyError: a column is missing. ValueError: the model returns something else than a logit, or the export's
            scores of the sample, as columns or as examples, differ from the model's by more than 1e-6; then nothing is
            written. FileExistsError: the folder holds something else than an export.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / "saved_model.pb").exists():
        raise FileExistsError(f"{folder} holds something else than an export: name a new folder.")
    wdl.check_logit(model)
    kinds = column_kinds(sample, wide, deep)
    features = graph_inputs(wide, deep, kinds)
    names = [tensor.name for tensor in model.inputs]

    def score(columns):
        inputs = features(columns)
        logits = model({name: inputs[name] for name in names}, training=False)[:, 0]
        return {"logit": logits, "probability": tf.sigmoid(tf.cast(logits, tf.float64))}

    def spec(column, kind):
        if kind == "list":
            return tf.RaggedTensorSpec([None, None], tf.string, 1)
        # TensorFlow Serving's name of the input; it takes no other characters than these.
        return tf.TensorSpec([None], tf.float64 if kind == "number" else tf.string, re.sub(r"\W", "_", column))

    module = tf.Module()  # what hangs on it is saved
    module.tables = features.tables
    module.model_variables = [variable.value for variable in model.variables]
    module.score = tf.function(score, input_signature=[{column: spec(column, kind) for column, kind in kinds.items()}])
    edges = {
        column: np.concatenate([part["boundaries"].get(column, []) for part in (wide, deep) if part])
        for column, kind in kinds.items()
        if kind == "number"
    }
    edges = {column: np.unique(values) for column, values in edges.items()}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def score_examples(examples):
        return module.score(_parsed(examples, kinds, edges))

    signatures = {"serving_default": score_examples, "columns": module.score}
    expected = wdl.predict(model, wdl.optional_inputs(sample, wide, deep))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unchecked:
        tf.saved_model.save(module, f"{unchecked}/export", signatures=signatures)
        from_examples = tf.saved_model.load(f"{unchecked}/export").signatures["serving_default"]
        examples = tf.constant(tf_examples(sample, kinds))
        found = {
            "scores of the sample": scorer(f"{unchecked}/export")(sample),
            "scores of the sample as tf.Examples, which hold numbers as float32,": from_examples(examples)[
                "probability"
            ],
        }
        for name, probabilities in found.items():
            difference = np.abs(probabilities - expected).max()
            if not difference <= 1e-6:
                raise ValueError(f"The export's {name} differ from the model's by up to {difference:.2g}.")
        shutil.rmtree(folder, ignore_errors=True)
        pathlib.Path(unchecked, "export").rename(folder)
