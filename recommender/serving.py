"""From a trained model to one that answers requests: section 4.3 of the paper, on top of `wide_deep`.

Read it from top to bottom: the functions stand in the order in which data flows.

    load_export                      an export, to score with
    request_tensors, score_tensors   a request's columns checked, and scored
    scorer                           both in one function
    signature_names, export          one artefact that takes raw columns and returns probabilities
"""

import itertools
import keyword
import pathlib
import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from recommender.folders import check_replaceable, replace_folder
from recommender.graph import gap_of, graph_inputs, parse_examples
from recommender.input_names import free_name
from recommender.once import Once
from recommender.raw_columns import Columns, ColumnType, Tensors, column_types, raw_tensors, tf_examples
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_logit
from wide_deep.columns import AND, exact_below, feature_prefix
from wide_deep.features import DeepFeatures, WideFeatures, features_and_buckets, number_names, optional_inputs
from wide_deep.models import Lookup
from wide_deep.tables import PathLike
from wide_deep.training import predict

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

__all__ = [
    "Export", "check_fits", "export", "load_export", "request_tensors", "score_tensors", "scorer", "signature_names",
]  # fmt: skip

# ------------------------------------------------------------------------------------ export and serve


EXPORTED = {"assets", "assets.extra", "fingerprint.pb", "saved_model.pb", "variables"}  # what an export consists of


class Export(NamedTuple):
    """A model that can answer, as `load_export` finds it in a folder."""

    types: dict[str, ColumnType]  # of its columns, in alphabetical order
    graph: Callable[[Tensors], Tensors]  # what `raw_tensors` returned → 'logit' and 'probability', each (rows,)
    context: list[str]  # the columns that it takes once a request; none if it was exported without
    once: (
        Callable[[Tensors, Tensors], Tensors] | None
    )  # tensors of the context (1,), of the others (rows,) → as `graph`
    gap: bytes = b""  # what stands for a missing text


def load_export(folder: PathLike) -> Export:
    """Load an export. A SavedModel is a program: load only what you trust.

    Args:
        folder: path that `export` wrote.

    Raises:
        OSError: there is no SavedModel.
        ValueError: it was not written by `export`.

    Example:
        >>> import wdl_helpers as wdl
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo"]})
        >>> wide = wdl.fit_wide(frame, ["city"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export(wdl.wide_model(wide), wide, None, frame, f"{folder}/model")
        ...     load_export(f"{folder}/model").types
        {'city': 'text'}
    """
    loaded = tf.saved_model.load(str(folder))
    if not hasattr(loaded, "score"):
        raise ValueError(f"{folder} has no function 'score': write it with export.")
    # There is one graph; to call it by itself saves the check of each argument, and half of Python's share.
    graph = loaded.score.concrete_functions[0]
    (specs,), _ = graph.structured_input_signature
    types = {column: _type_of(spec) for column, spec in sorted(specs.items())}
    gap = loaded.gap.numpy() if hasattr(loaded, "gap") else b""  # an earlier version wrote none
    if not hasattr(loaded, "score_once"):
        return Export(types, graph, [], None, gap)
    once = loaded.score_once.concrete_functions[0]
    (context, _), _ = once.structured_input_signature
    return Export(types, graph, sorted(context), once, gap)


def _type_of(spec: tf.TypeSpec) -> ColumnType:
    if isinstance(spec, tf.RaggedTensorSpec):
        return "list"
    return "text" if spec.dtype == tf.string else "number"


def request_tensors(
    model: Export, columns: Columns, context: Mapping[str, Any] | None = None
) -> tuple[Tensors, Tensors]:
    """Check a request, and turn it into what the export takes.

    Args:
        model: from `load_export`.
        columns: data frame, or dict column → one entry a row.
        context: dict column → the one value that all rows share.

    Returns:
        The tensors of the context (1,), and those of the other columns (rows,). The former is empty unless the export
        takes its context once; then what all rows share is repeated.

    Raises:
        KeyError, TypeError, ValueError: as `raw_tensors`.
        ValueError: a column stands in both, or none stands in `columns`.

    Example:
        >>> model = Export({"app": "text", "city": "text"}, graph=dict, context=[], once=None)
        >>> request_tensors(model, {"app": ["a", "b"]}, {"city": "Oslo"})[1]["city"].numpy().tolist()
        [b'Oslo', b'Oslo']
    """
    context = {column: context[column] for column in model.types if column in context} if context else {}
    if not context:
        return {}, raw_tensors(columns, model.types, model.gap)
    for column in context:
        if column in columns:
            raise ValueError(f"Column {column!r} stands in the context and among the columns of the rows.")
    types = model.types
    if len(context) == len(types):
        raise ValueError("The context has all columns; expected at least one that has an entry a row.")
    own_types = {column: column_type for column, column_type in types.items() if column not in context}
    own = raw_tensors(columns, own_types, model.gap)
    shared_types = {column: types[column] for column in context}
    shared = raw_tensors({column: [value] for column, value in context.items()}, shared_types, model.gap)
    once = set(model.context) if set(model.context) <= set(context) else set()
    every_row = tf.zeros(len(columns[next(iter(own))]), tf.int64)
    repeated = {column: tf.gather(tensor, every_row) for column, tensor in shared.items() if column not in once}
    return {column: tensor for column, tensor in shared.items() if column in once}, own | repeated


def score_tensors(model: Export, context: Tensors, columns: Tensors) -> np.ndarray:
    """Score what `request_tensors` made of a request.

    Args:
        model: from `load_export`.
        context: its tensors of the context.
        columns: its other tensors.

    Returns:
        float64 array (rows,), the probability of label 1.

    Raises:
        tf.errors.OpError: the export's own graph fails.
    """
    if context and model.once is not None:
        return model.once(context, columns)["probability"].numpy()
    return model.graph(columns)["probability"].numpy()


def scorer(folder: PathLike) -> Callable[..., np.ndarray]:
    """Load an export and return the function that scores with it.

    A SavedModel is a program: load only what you trust.

    Args:
        folder: path that `export` wrote.

    Returns:
        function (data frame, or dict column → one entry a row) → float64 array (rows,), the probability of label 1. It
        may be called from many threads at once. Unseen and missing values are answered: see the top of `raw_columns`.
        Its second argument, `context`, is a dict of the columns with one value for all rows: an export that was written
        with these as its context computes their share once.
        Its errors are those of `request_tensors`, and a ValueError that names the folder if the export's own graph
        fails.

    Raises:
        OSError: there is no SavedModel.
        ValueError: it was not written by `export`.

    Taught in: notebook 10, "Monday: one artefact".

    Example:
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export(wdl.wide_model(wide), wide, None, pd.DataFrame({"city": ["Rome"]}), f"{folder}/model")
        ...     scorer(f"{folder}/model")({"city": ["Oslo", "Bern"]}).tolist()
        [0.5, 0.5]
    """
    model = load_export(folder)

    def score(columns: Columns, context: Mapping[str, Any] | None = None) -> np.ndarray:
        shared, own = request_tensors(model, columns, context)
        try:
            return score_tensors(model, shared, own)
        except tf.errors.OpError as error:
            raise ValueError(f"The export in {folder} cannot score the request: {error.message}") from error

    return score


def signature_names(types: Mapping[str, ColumnType]) -> dict[str, list[str]]:
    """What an export's signature 'columns' calls its inputs.

    TensorFlow takes ASCII names that begin with a letter, are not keywords of Python, and differ in more than case.

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
    taken: set[str] = set()
    for column in sorted(types, key=lambda column: not _is_signature_name(column)):  # those that keep theirs first
        input_names[column] = [_signature_name(column, taken)]
    for column, column_type in types.items():
        if column_type == "list":
            input_names[column].append(_signature_name(f"{input_names[column][0]}_lengths", taken))
    return {column: input_names[column] for column in types}


def _is_signature_name(name: str) -> bool:
    is_plain = re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) is not None
    return is_plain and not keyword.iskeyword(name) and name != "self"


def _signature_name(wanted: str, taken: set[str]) -> str:
    """A name for a signature, close to the wanted one and not among the `taken`, to which it is added in lower case."""
    stem = re.sub("[^A-Za-z0-9_]", "_", wanted)
    if not _is_signature_name(stem):
        stem = f"c_{stem}"
    return free_name(stem, taken)


def check_fits(model: keras.Model, wide: WideFeatures | None, deep: DeepFeatures | None) -> None:
    """Raise a clear error unless features are as many as a model was built for.

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
        for name, columns in (("deep_ids", deep["categories"]), ("numbers", number_names(deep))):
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
    context: Collection[str] = (),
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
        context: columns that all rows of a request share, such as a user's. If there are any, the export has a second
            function, `score_once`, which takes them with one row, as the first of two dicts, and computes their share
            once: see `once`.

    Raises:
        TypeError: the model is not a Keras model, the sample is not a frame, or a cell of it is not usable.
        KeyError: a column is missing, or no feature takes a column of the context.
        ValueError: the model returns something else than a logit, or does not belong to the features; a column that is
            a number and a category holds whole numbers that a float32 does not hold; the context has all columns, or
            the model is built otherwise than ours; or the export's scores of the sample, as columns, as examples or
            with the context of its first row, differ from the model's by more than 1e-6. Then nothing is written.
        FileExistsError: the folder holds something else than an export.
        OSError: it cannot be written to.

    Taught in: notebook 10, "Monday: one artefact".

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
        _save(model, wide, deep, types, new, context)
        _check_scores(new, sample, types, expected)
        if context:
            in_context = _in_first_context(sample, context)
            _check_once(new, in_context, context, predict(model, optional_inputs(in_context, wide, deep)))
        replace_folder(folder, new)


def _check_whole_categories(sample: pd.DataFrame, wide: WideFeatures | None, deep: DeepFeatures | None) -> None:
    """Refuse ids that would merge: a column that is a number too comes as a float, and in an example as float32."""
    parts = [part for part in (wide, deep) if part is not None]
    numbers = {column for part in parts for column in part["boundaries"]}
    categories = {column for part in parts for column in _categories_of(part)}
    for column in sorted(numbers & categories):
        in_vocabularies = [number for part in parts for number in _whole_numbers(part, column)]
        largest = max([*in_vocabularies, *sample[column].dropna()], key=abs, default=0)
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
    context: Collection[str],
) -> None:
    """Save the features' graph and the model's in one."""
    features = graph_inputs(wide, deep)
    model_inputs = [tensor.name for tensor in model.inputs]
    boundaries = _all_boundaries(wide, deep)
    input_names = signature_names(types)
    gap = gap_of(wide, deep)
    module = tf.Module()  # what hangs on it is saved
    module.gap = tf.Variable(gap, trainable=False)
    module.tables = features.tables
    module.model_variables = [variable.value for variable in model.variables]

    def score(columns: Tensors) -> Tensors:
        inputs = features(columns)
        return _with_probability(model({name: inputs[name] for name in model_inputs}, training=False)[:, 0])

    def score_named(inputs: Tensors) -> Tensors:
        return module.score(_columns_of(inputs, input_names))

    def score_examples(examples: tf.Tensor) -> Tensors:
        return module.score(parse_examples(examples, types, boundaries, gap))

    specs = {column: _spec(column_type, input_names[column][0]) for column, column_type in types.items()}
    module.score = tf.function(score, input_signature=[specs])
    if context:
        module.once = Once(model, wide, deep, context, module.tables)
        own = {column: spec for column, spec in specs.items() if column not in context}
        shared = {column: spec for column, spec in specs.items() if column in context}
        module.score_once = tf.function(
            lambda shared, own: _with_probability(module.once(shared, own)), input_signature=[shared, own]
        )
    named = tf.function(score_named, input_signature=[_named_specs(types, input_names)])
    from_examples = tf.function(score_examples, input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": from_examples, "columns": named})


def _with_probability(logits: tf.Tensor) -> Tensors:
    """The outputs of an export, each (rows,)."""
    return {"logit": logits, "probability": tf.sigmoid(tf.cast(logits, tf.float64))}


def _all_boundaries(wide: WideFeatures | None, deep: DeepFeatures | None) -> dict[str, np.ndarray]:
    """The boundaries of each number in both parts together, ascending."""
    found: dict[str, list[float]] = {}
    for part in (wide, deep):
        if part is not None:
            for column, boundaries in part["boundaries"].items():
                found.setdefault(column, []).extend(boundaries)
    return {column: np.unique(boundaries) for column, boundaries in found.items()}


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
    """Refuse an export that scores a sample otherwise than the model did, whichever way the rows come in."""
    from_examples = tf.saved_model.load(str(folder)).signatures["serving_default"]
    examples = tf.constant(tf_examples(sample, types, load_export(folder).gap))
    found = {
        "scores of the sample": scorer(folder)(sample),
        "scores of the sample as tf.Examples, which hold numbers as float32,": from_examples(examples)["probability"],
    }
    for name, probabilities in found.items():
        _check_equal(name, probabilities, expected)


def _in_first_context(sample: pd.DataFrame, context: Collection[str]) -> pd.DataFrame:
    """A sample whose rows all have the first row's context."""
    first = {column: [sample[column].iloc[0]] * len(sample) for column in context}
    return sample.assign(**{column: pd.Series(values, sample.index) for column, values in first.items()})


def _check_once(folder: pathlib.Path, sample: pd.DataFrame, context: Collection[str], expected: np.ndarray) -> None:
    """Refuse an export that scores otherwise than the model where it takes the context once."""
    shared = {column: sample[column].iloc[0] for column in context}
    probabilities = scorer(folder)(sample.drop(columns=list(context)), shared)
    _check_equal("scores of the sample in the context of its first row", probabilities, expected)


def _check_equal(name: str, probabilities: np.ndarray, expected: np.ndarray) -> None:
    difference = np.abs(probabilities - expected).max()
    if not difference <= 1e-6:
        raise ValueError(f"The export's {name} differ from the model's by up to {difference:.2g}.")
