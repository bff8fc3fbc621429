"""What the tests share: hypothesis settings and strategies, a small data set, and the published algorithms in NumPy."""

import decimal
import os

import wdl_helpers as wdl

import hypothesis
import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

wdl.reproducible()  # before any test computes: the number of threads cannot be changed later
# The same examples each time, so that `make test` is red or green by the code alone. `make fuzz` looks for new ones.
hypothesis.settings.register_profile("laws", deadline=None, derandomize=True, database=None, max_examples=40)
hypothesis.settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=500)
PROFILE = os.environ.get("LAWS_PROFILE", "laws")
hypothesis.settings.load_profile(PROFILE)
# For properties that call TensorFlow or much of pandas.
FEW = hypothesis.settings(max_examples=500 if PROFILE == "fuzz" else 15)

# Names that our own code could use too, that SQL, a signature, a file or a form of Unicode holds in another way.
NAMES = [
    "u", "i", "n", "label", "row", "rows", "name", "value", "v0", "shards", "wide_ids", "numbers", "self", "class",
    "A", "a", "größe", "gro\u0308\u00dfe", "é", "e\u0301", "日本", "a b", "a_b", "a  b", " ", "", "_x", "0", "1.5",
    "-1", "% off", "price ($)", "price (€)", "a/b", "a.b", "a,b", '"', "'", "\\", "a\\", "a=b", "=", "&", "& b", "a &",
    "a & b", "a=x & b",
]  # fmt: skip


def column_names(size=1):
    """Lists of that many different names of columns: hard ones, and any text."""
    name = st.one_of(st.sampled_from(NAMES), st.sampled_from(NAMES), st.text(st.characters(codec="utf-8"), max_size=5))
    return st.lists(name, min_size=size, max_size=size, unique=True)


def _arrow(kind):
    return lambda cells: pd.Series(pd.arrays.ArrowExtensionArray(pa.array(cells, kind)))


def _as(dtype):
    return lambda cells: pd.Series(cells, dtype=dtype)


TEXT_TYPES = {
    "object": _as(object),
    "str": _as("str"),
    "string": _as("string"),
    "category": lambda cells: pd.Series(pd.Categorical(cells)),
    "numpy": lambda cells: pd.Series([np.str_(cell) for cell in cells], dtype=object),
    "Arrow string": _arrow(pa.string()),
    "Arrow large string": _arrow(pa.large_string()),
    "Arrow dictionary": _arrow(pa.dictionary(pa.int32(), pa.string())),
}
WHOLE_TYPES = {
    "int64": _as("int64"),
    "int16": _as("int16"),
    "float64": _as("float64"),
    "float32": _as("float32"),
    "object": _as(object),
    "mixed": lambda cells: pd.Series([float(cell) if i % 2 else cell for i, cell in enumerate(cells)], dtype=object),
    "Int64": _as("Int64"),
    "Float64": _as("Float64"),
    "category": lambda cells: pd.Series(pd.Categorical(cells)),
    "category of floats": lambda cells: pd.Series(pd.Categorical([float(cell) for cell in cells])),
    "Decimal": lambda cells: pd.Series([decimal.Decimal(cell) * decimal.Decimal("1.00") for cell in cells]),
    "Arrow int64": _arrow(pa.int64()),
    "Arrow double": lambda cells: _arrow(pa.float64())([float(cell) for cell in cells]),
    "Arrow decimal": lambda cells: _arrow(pa.decimal128(20, 3))([decimal.Decimal(cell) for cell in cells]),
    **{f"{name} of digits": lambda cells, make=make: make(list(map(str, cells))) for name, make in TEXT_TYPES.items()},
}
FLAG_TYPES = {
    "bool": _as("bool"),
    "object": _as(object),
    "boolean": _as("boolean"),
    "category": lambda cells: pd.Series(pd.Categorical(cells)),
    "Arrow bool": _arrow(pa.bool_()),
    **{f"{name} of words": lambda cells, make=make: make(list(map(str, cells))) for name, make in TEXT_TYPES.items()},
}
TEXT_VALUES = [
    "x",
    "y",
    "",
    " ",
    "NA",
    "02116",
    "1.0",
    "-0",
    "x & y",
    "x &",
    "& y",
    "a=x",
    "é",
    "e\u0301",
    "\ufeffx",
    "TRUE",
]


@st.composite
def typed_columns(draw, rows=None):
    """The texts of a column's values, and two columns that hold these values in two types: list of str, two Series."""
    cells, types = draw(
        st.sampled_from(
            [
                (
                    st.one_of(st.sampled_from(TEXT_VALUES), st.text(st.characters(codec="utf-8"), max_size=4)),
                    TEXT_TYPES,
                ),
                (st.integers(-9999, 9999), WHOLE_TYPES),
                (st.booleans(), FLAG_TYPES),
            ]
        )
    )
    values = draw(st.lists(cells, min_size=rows or 1, max_size=rows or 8))
    one, other = draw(st.permutations(list(types)))[:2]
    return list(map(str, values)), types[one](values), types[other](values)


def small_frame(rows=64, seed=0):
    """A single-valued, a multi-valued and a numeric column, and labels that depend on all three."""
    random = np.random.default_rng(seed)
    letters = random.choice(list("abcd"), rows, p=[0.4, 0.3, 0.2, 0.1])
    tags = [random.choice(list("pqr"), size, replace=False).tolist() for size in random.integers(0, 4, rows)]
    sizes = random.normal(50, 10, rows).round(1)
    logits = (letters == "a") * 1.5 + np.array(["p" in cell for cell in tags]) * 2 - 1.5 + (sizes - 50) / 10
    labels = (random.random(rows) < 1 / (1 + np.exp(-logits))).astype(int)
    labels[:2] = 0, 1
    return pd.DataFrame({"letter": letters, "tags": tags, "size": sizes}), labels


def small_parts(rows=64, seed=0):
    """The fitted parts, all inputs and the labels of the small data set; 'letter=d' is left without an id."""
    frame, labels = small_frame(rows, seed)
    seen = frame[frame.letter != "d"]
    wide = wdl.fit_wide(seen, ["letter", "tags", ("letter", "tags")])
    deep = wdl.fit_deep(seen, ["letter", "tags"], ["size"], n_quantiles=8)
    return wide, deep, {"wide_ids": wdl.wide_ids(frame, wide), **wdl.deep_inputs(frame, deep)}, labels


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, "float64")))


def wide_logits(ids, table, bias):
    """A matrix of zeros and ones times the weights: the textbook form of logistic regression."""
    ones = np.zeros((len(ids), len(table)))
    for row, line in enumerate(ids):
        for i in line:
            ones[row, i] += i != 0
    return ones @ np.asarray(table, "float64")[:, 0] + np.float64(bias)


def deep_activations(inputs, weights):
    """The last activations of the deep part, by equation 2 of the paper."""
    table = np.asarray(weights["deep_embeddings/table"], "float64")
    rows = []
    for cells, values in zip(inputs["deep_ids"], inputs["numbers"], strict=True):
        vectors = []
        for cell in cells:
            known = [table[i] for i in cell if i != 0]
            vectors.append(np.mean(known, axis=0) if known else np.zeros(table.shape[1]))
        rows.append(np.concatenate([*vectors, values]))
    activations, layer = np.array(rows, "float64"), 1
    while f"deep_hidden_{layer}/kernel" in weights:
        kernel, bias = weights[f"deep_hidden_{layer}/kernel"], weights[f"deep_hidden_{layer}/bias"]
        activations = np.maximum(activations @ kernel.astype("float64") + bias, 0)
        layer += 1
    return activations


def deep_logits(inputs, weights):
    return deep_activations(inputs, weights) @ weights["deep_logit/kernel"].astype("float64")[:, 0]


def weights_of(model):
    return {variable.path: variable.numpy() for variable in model.trainable_variables}


def summed(ids, pieces):
    """The gradient of each id that the batch holds: the sum of its pieces."""
    total = {}
    for i, piece in zip(ids, pieces, strict=True):
        total[i] = total.get(i, 0) + np.asarray(piece, "float64")
    return total


class NumpyFtrl:
    """McMahan et al. 2013, algorithm 1, with alpha = learning_rate and lambda_2 = 2 l2."""

    def __init__(self, table, learning_rate, l1=0.0, l2=0.0, beta=0.0, start=0.1):
        self.w = np.array(table, "float64")
        self.n, self.z = np.full_like(self.w, start), np.zeros_like(self.w)
        self.learning_rate, self.l1, self.l2, self.beta = learning_rate, l1, l2, beta

    def step(self, ids, pieces):
        for i, g in summed(ids, pieces).items():
            sigma = (np.sqrt(self.n[i] + g**2) - np.sqrt(self.n[i])) / self.learning_rate
            self.z[i] += g - sigma * self.w[i]
            self.n[i] += g**2
            slope = (self.beta + np.sqrt(self.n[i])) / self.learning_rate + 2 * self.l2
            shrunk = -(self.z[i] - np.sign(self.z[i]) * self.l1) / slope
            self.w[i] = np.where(np.abs(self.z[i]) > self.l1, shrunk, 0)


class NumpyAdagrad:
    """Duchi, Hazan and Singer 2011, with diagonal matrices."""

    def __init__(self, table, learning_rate, epsilon=1e-7, start=0.1):
        self.w = np.array(table, "float64")
        self.n, self.learning_rate, self.epsilon = np.full_like(self.w, start), learning_rate, epsilon

    def step(self, ids, pieces):
        for i, g in summed(ids, pieces).items():
            self.n[i] += g**2
            self.w[i] -= self.learning_rate * g / (np.sqrt(self.n[i]) + self.epsilon)


class NumpyAdam:
    """Kingma and Ba 2015, algorithm 1, with the order of operations named at the end of their section 2."""

    def __init__(self, table, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.w = np.array(table, "float64")
        self.m, self.v, self.t = np.zeros_like(self.w), np.zeros_like(self.w), 0
        self.learning_rate, self.beta_1, self.beta_2, self.epsilon = learning_rate, beta_1, beta_2, epsilon

    def step(self, ids, pieces):
        g = np.zeros_like(self.w)
        for i, total in summed(ids, pieces).items():
            g[i] = total
        self.t += 1
        self.m = self.beta_1 * self.m + (1 - self.beta_1) * g
        self.v = self.beta_2 * self.v + (1 - self.beta_2) * g**2
        rate = self.learning_rate * np.sqrt(1 - self.beta_2**self.t) / (1 - self.beta_1**self.t)
        self.w -= rate * self.m / (np.sqrt(self.v) + self.epsilon)
