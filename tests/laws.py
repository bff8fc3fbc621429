"""What the tests share: hypothesis settings, a small data set, and the published algorithms in NumPy, float64."""

import wdl_helpers as wdl

import hypothesis
import numpy as np
import pandas as pd

wdl.reproducible()  # before any test computes: the number of threads cannot be changed later
hypothesis.settings.register_profile("laws", deadline=None, derandomize=True, database=None, max_examples=40)
hypothesis.settings.load_profile("laws")
FEW = hypothesis.settings(max_examples=15)  # for properties that call TensorFlow or much of pandas


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
