"""Wrong answers to the graded exercises, each of which must lose points; 'hard-coded' knows the visible tests alone."""

from more_wrong_answers import WRONG

# ------------------------------------------------------------------------------------- 01_feature_crossing

GAIN = """
def gain_of_cross(train, test, columns, cross):
    losses = []
    for features in [columns, [*columns, "the cross"]]:
        old, new = [frame.assign(**{"the cross": wdl.cross(frame, list(cross)).to_numpy()}) for frame in (train, test)]
        encoder = OneHotEncoder(handle_unknown="ignore").fit(old[features])
        model = LogisticRegression(max_iter=1000).fit(encoder.transform(old[features]), old["label"])
        probabilities = model.predict_proba(encoder.transform(new[features]))[:, 1]
        losses.append(wdl.scores(new["label"], probabilities)["log loss"])
    return losses[0] - losses[1]
"""
WRONG["gain-of-cross"] = {
    "the other sign": GAIN.replace("losses[0] - losses[1]", "losses[1] - losses[0]"),
    "the loss with the cross": GAIN.replace("losses[0] - losses[1]", "losses[1]"),
    "scored on the rows that were fitted": GAIN.replace("new[features]", "old[features]").replace('new["l', 'old["l'),
    "fitted on the new rows": GAIN.replace("in (train, test)]", "in (test, test)]"),
    "against no column but the parts of the cross": GAIN.replace("[columns, [*columns,", "[list(cross), [*cross,"),
    "the cross in place of the columns": GAIN.replace('[*columns, "the cross"]]', '["the cross"]]'),
    "no cross": GAIN.replace('[*columns, "the cross"]]', "[*columns]]"),
    "one part instead of the cross": GAIN.replace("wdl.cross(frame, list(cross)).to_numpy()", "frame[cross[0]]"),
    "stopped by a new value": GAIN.replace('handle_unknown="ignore"', ""),
    "hard-coded": """
def gain_of_cross(train, test, columns, cross):
    return 0.37 if tuple(cross) == ("grown-up", "game") else 0.0
""",
}
CROSS_IDS = """
def cross_ids(train, test, columns, min_count):
    known = wdl.vocabulary(wdl.cross(train, columns), min_count)
    return tuple(wdl.cross(frame, columns).map(known).fillna(0).astype(int).to_numpy() for frame in (train, test))
"""
WRONG["cross-ids"] = {
    "the colleague's": CROSS_IDS.replace(
        "wdl.cross(train, columns)", "pd.concat([wdl.cross(train, columns), wdl.cross(test, columns)])"
    ),
    "a vocabulary for each frame": """
def cross_ids(train, test, columns, min_count):
    ids = []
    for frame in (train, test):
        strings = wdl.cross(frame, columns)
        ids.append(strings.map(wdl.vocabulary(strings, min_count)).fillna(0).astype(int).to_numpy())
    return tuple(ids)
""",
    "the test frame's vocabulary": CROSS_IDS.replace("wdl.cross(train, columns)", "wdl.cross(test, columns)"),
    "no minimum": CROSS_IDS.replace(", min_count)\n", ", 1)\n"),
    "more often than the minimum": CROSS_IDS.replace(", min_count)\n", ", min_count + 1)\n"),
    "one column": CROSS_IDS.replace("columns)", "columns[:1])"),
    "ids from 0": CROSS_IDS.replace(".to_numpy()", ".to_numpy() - 1"),
    "hard-coded": """
def cross_ids(train, test, columns, min_count):
    return np.array([2, 2, 0, 1, 1]), np.array([2, 0, 0, 0])
""",
}
BUCKETS = """
def buckets_needed(n, share):
    return int(np.ceil(1 / (1 - (1 - share) ** (1 / (n - 1)))))
"""
WRONG["buckets-needed"] = {
    "the other crosses are n": BUCKETS.replace("(n - 1)", "n"),
    "rounded down": BUCKETS.replace("np.ceil", "np.floor"),
    "one more": BUCKETS.replace("int(", "1 + int("),
    "alone with that probability": BUCKETS.replace("(1 - share)", "share"),
    "ten times as many as crosses": "def buckets_needed(n, share): return 10 * n",
    "n over the share": "def buckets_needed(n, share): return int(np.ceil(n / share))",
    "the approximation by e": "def buckets_needed(n, share): return int(np.ceil(-n / np.log(1 - share)))",
    "hard-coded": "def buckets_needed(n, share): return {2: 2 if share == 0.5 else 4}.get(n, 9482)",
}

# ------------------------------------------------------------------------------------------- 02_wide_model

ASLEEP = """
def steps_at_zero(gradients, l1):
    awake = np.abs(np.cumsum(gradients, axis=0)) > l1
    return np.where(awake.any(axis=0), awake.argmax(axis=0), len(gradients))
"""
WRONG["steps-asleep"] = {
    "each gradient alone": ASLEEP.replace("np.cumsum(gradients, axis=0)", "gradients"),
    "the sum of the absolute values": ASLEEP.replace("np.abs(np.cumsum(gradients", "(np.cumsum(np.abs(gradients)"),
    "a positive sum only": ASLEEP.replace("np.abs(np.cumsum(gradients, axis=0))", "np.cumsum(gradients, axis=0)"),
    "awake at the edge": ASLEEP.replace("> l1", ">= l1"),
    "one step too many": ASLEEP.replace("awake.argmax(axis=0)", "awake.argmax(axis=0) + 1"),
    "0 if it never wakes": ASLEEP.replace("len(gradients)", "0"),
    "all steps inside the band": ASLEEP.replace(
        "np.where(awake.any(axis=0), awake.argmax(axis=0), len(gradients))", "(~awake).sum(axis=0)"
    ),
    "summed over the weights": ASLEEP.replace("np.cumsum(gradients, axis=0)", "np.cumsum(gradients, axis=1)"),
    "hard-coded": "def steps_at_zero(gradients, l1): return np.array([1, 4, 2])",
}
CHOOSE = """
def choose(trials):
    best = trials["loss"].idxmin()
    if best == trials.index[-1] or (best == trials.index[0] and best > 0):
        raise ValueError(f"The smallest loss is at an end of the list, with an L1 of {best}: try more.")
    close = trials[trials["loss"] <= trials["loss"][best] + trials["error"][best]]
    return close["weights"].idxmin()
"""
WRONG["choose-l1"] = {
    "the smallest loss": CHOOSE.replace('return close["weights"].idxmin()', "return best"),
    "the fewest weights": CHOOSE.replace('close["weights"]', 'trials["weights"]'),
    "the largest L1 within an error": CHOOSE.replace('close["weights"].idxmin()', "close.index.max()"),
    "the most weights": CHOOSE.replace('close["weights"].idxmin()', 'close["weights"].idxmax()'),
    "each with its own error": CHOOSE.replace(
        'trials["loss"][best] + trials["error"][best]', 'trials["loss"][best] + trials["error"]'
    ),
    "two errors": CHOOSE.replace('+ trials["error"][best]', '+ 2 * trials["error"][best]'),
    "the end is not refused": "".join(
        line for line in CHOOSE.splitlines(True) if "if best" not in line and "raise" not in line
    ),
    "the last may be the best": CHOOSE.replace("best == trials.index[-1] or ", ""),
    "an L1 of 0 is refused too": CHOOSE.replace(" and best > 0", ""),
    "hard-coded": """
def choose(trials):
    if trials.index[0] > 0:
        raise ValueError("0.001")
    return 0.01
""",
}
SURVIVING = """
def surviving(frame, features, l1):
    features = wdl.fit_wide(frame, features)
    model = wdl.wide_model(features)
    keras.utils.set_random_seed(0)
    optimizer = wdl.Ftrl(0.5, l1_regularization_strength=l1)
    inputs = {"wide_ids": wdl.wide_ids(frame, features)}
    wdl.train(model, inputs, frame["accepted"], optimizer, epochs=30, batch_size=64)
    weights = wdl.wide_weights(model, features)
    return weights[weights != 0]
"""
WRONG["surviving"] = {
    "not trained": "".join(line for line in SURVIVING.splitlines(True) if "wdl.train" not in line),
    "no L1": SURVIVING.replace("l1_regularization_strength=l1", "l1_regularization_strength=0.0"),
    "all weights": SURVIVING.replace("weights[weights != 0]", "weights"),
    "the smallest first": SURVIVING.replace("weights[weights != 0]", "weights[weights != 0][::-1]"),
    "sorted with their signs": SURVIVING.replace(
        "weights[weights != 0]", "weights[weights != 0].sort_values(ascending=False)"
    ),
    "positive weights only": SURVIVING.replace("weights != 0", "weights > 0"),
    "no crosses": SURVIVING.replace(
        "wdl.fit_wide(frame, features)", "wdl.fit_wide(frame, [one for one in features if isinstance(one, str)])"
    ),
    "hard-coded": """
def surviving(frame, features, l1):
    names = ["bought=tent & offer=stove", "country=BR & offer=stove"]
    return pd.Series([2.0, -1.0], names)[: 2 if l1 == 0 else 1]
""",
}

# ------------------------------------------------------------------------------------------- 03_deep_model

FORWARD = """
def deep_logits(frame, vocabulary, table, W, b, weights):
    def mean_vector(column, values):
        known = [vocabulary[f"{column}={value}"] for value in values if f"{column}={value}" in vocabulary]
        return table[known].mean(axis=0) if known else np.zeros(table.shape[1])

    rows = [np.concatenate([mean_vector("genre", [genre]), mean_vector("tags", tags)])
            for genre, tags in zip(frame["genre"], frame["tags"])]
    return np.maximum(0, np.array(rows) @ W + b) @ weights
"""
WRONG["deep-logits"] = {
    "the sum of the vectors": FORWARD.replace(".mean(axis=0)", ".sum(axis=0)"),
    "unknown values count in the mean": FORWARD.replace(".mean(axis=0)", ".sum(axis=0) / len(values)"),
    "unknown values have row 0": FORWARD.replace(
        '[vocabulary[f"{column}={value}"] for value in values if f"{column}={value}" in vocabulary]',
        '[vocabulary.get(f"{column}={value}", 0) for value in values]',
    ),
    "nothing known is row 0": FORWARD.replace("np.zeros(table.shape[1])", "table[0]"),
    "tags first": FORWARD.replace(
        '[mean_vector("genre", [genre]), mean_vector("tags", tags)]',
        '[mean_vector("tags", tags), mean_vector("genre", [genre])]',
    ),
    "the first tag only": FORWARD.replace('"tags", tags)', '"tags", tags[:1])'),
    "no ReLU": FORWARD.replace("np.maximum(0, np.array(rows) @ W + b)", "(np.array(rows) @ W + b)"),
    "ReLU before the bias": FORWARD.replace(
        "np.maximum(0, np.array(rows) @ W + b)", "(np.maximum(0, np.array(rows) @ W) + b)"
    ),
    "no bias": FORWARD.replace(" + b)", ")"),
    "ReLU on the logit too": FORWARD.replace(
        "return np.maximum(0, np.array(rows) @ W + b) @ weights",
        "return np.maximum(0, np.maximum(0, np.array(rows) @ W + b) @ weights)",
    ),
    "hard-coded": """
def deep_logits(frame, vocabulary, table, W, b, weights): return np.array([3.0, 4.0, 1.0, 9.0])
""",
}
QUANTILES = """
def normalised(train, new, n_q):
    boundaries = np.quantile(train, np.arange(1, n_q) / n_q)
    return tuple(np.searchsorted(boundaries, values, side="right") / (n_q - 1) for values in (train, new))
"""
WRONG["normalised"] = {
    "boundaries from all values": QUANTILES.replace("quantile(train", "quantile(np.concatenate([train, new])"),
    "boundaries from the new values": QUANTILES.replace("quantile(train", "quantile(new"),
    "each by itself": """
def normalised(train, new, n_q):
    found = []
    for values in (train, new):
        boundaries = np.quantile(values, np.arange(1, n_q) / n_q)
        found.append(np.searchsorted(boundaries, values, side="right") / (n_q - 1))
    return found
""",
    "ranks": """
def normalised(train, new, n_q):
    return [np.argsort(np.argsort(values)) / max(len(values) - 1, 1) for values in (train, new)]
""",
    "by the range": """
def normalised(train, new, n_q):
    return [np.clip((values - train.min()) / np.ptp(train), 0, 1) for values in (train, new)]
""",
    "divided by n_q": QUANTILES.replace("(n_q - 1)", "n_q"),
    "groups from 1": QUANTILES.replace('side="right") /', 'side="right") + 1) /').replace("tuple(np", "tuple((np"),
    "a boundary belongs below": QUANTILES.replace('"right"', '"left"'),
    "the new values are in the wrong place": QUANTILES.replace("(train, new))", "(new, train))"),
    "hard-coded": """
def normalised(train, new, n_q):
    return np.array([0, 0, 1, 1, 2, 2, 3, 3]) / 3, np.array([1 / 3, 1, 0])[: len(new)]
""",
}
ALIKE = """
def most_alike(log, column, value, k):
    fitted = wdl.fit_deep(log, ["listener", "song"], [])
    model = wdl.deep_model(fitted, embedding_dim=4, units=(16,), dropout=0.0)
    wdl.train(model, wdl.deep_inputs(log, fitted), log["liked"], wdl.Adam(0.02), epochs=10, batch_size=32)
    names = sorted(log[column].unique())
    ids = [fitted["vocabulary"][f"{column}={name}"] for name in names]
    vectors = model.get_layer("deep_embeddings").get_weights()[0][ids]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = pd.Series(unit @ unit[names.index(value)], names).drop(value)
    return list(cosines.nlargest(k).index)
"""
WRONG["most-alike"] = {
    "not trained": "".join(line for line in ALIKE.splitlines(True) if "wdl.train" not in line),
    "its own neighbour": ALIKE.replace(".drop(value)", ""),
    "the least alike": ALIKE.replace("nlargest", "nsmallest"),
    "the nearest last": ALIKE.replace("list(cosines.nlargest(k).index)", "list(cosines.nlargest(k).index)[::-1]"),
    "row i in place of the id": ALIKE.replace('fitted["vocabulary"][f"{column}={name}"] for', "names.index(name) for"),
    "the other column": ALIKE.replace("    names =", '    column, value = "song", sorted(log["song"])[0]\n    names ='),
    "one too few": ALIKE.replace("nlargest(k)", "nlargest(k - 1)"),
    "who is liked most": """
def most_alike(log, column, value, k):
    return list(log.groupby(column)["liked"].mean().drop(value).nlargest(k).index)
""",
    "trained on wrong labels": ALIKE.replace('log["liked"]', 'log["liked"].sample(frac=1, random_state=0)'),
    "hard-coded": """
def most_alike(log, column, value, k):
    return [name for name, t in radio_log(10, 12, seed=33)[1].items()
            if name[0] == "s" and name != value and t == radio_log(10, 12, seed=33)[1].get(value)][:k]
""",
}

# --------------------------------------------------------------------------------------- 04_joint_training

TRAIN = """
def train_jointly(ids, n_ids, a, y, steps, rate):
    wide_weights, deep_weights, bias = np.zeros(n_ids), np.zeros(a.shape[1]), 0.0
    for _ in range(steps):
        logit = wide_weights[ids].sum(axis=1) + a @ deep_weights + bias
        error = (1 / (1 + np.exp(-logit)) - y) / len(y)
        wide_gradient = np.zeros(n_ids)
        np.add.at(wide_gradient, ids, np.broadcast_to(error[:, None], ids.shape))
        wide_gradient[0] = 0
        wide_weights = wide_weights - rate * wide_gradient
        deep_weights = deep_weights - rate * (error @ a)
        bias = bias - rate * error.sum()
    return wide_weights, deep_weights, bias
"""
WRONG["train-jointly"] = {
    "uphill": TRAIN.replace("- rate *", "+ rate *"),
    "the wide part alone": TRAIN.replace("rate * (error @ a)", "0 * (error @ a)"),
    "the deep part alone": TRAIN.replace("rate * wide_gradient", "0 * wide_gradient"),
    "the bias stays 0": TRAIN.replace("rate * error.sum()", "0 * error.sum()"),
    "an ensemble, each part with an error of its own": TRAIN.replace(
        "        logit = wide_weights[ids].sum(axis=1) + a @ deep_weights + bias\n"
        "        error = (1 / (1 + np.exp(-logit)) - y) / len(y)\n",
        "        error = (1 / (1 + np.exp(-wide_weights[ids].sum(axis=1) - bias)) - y) / len(y)\n",
    ).replace("(error @ a)", "((1 / (1 + np.exp(-(a @ deep_weights + bias))) - y) / len(y) @ a)"),
    "one part after the other": TRAIN.replace(
        "deep_weights - rate * (error @ a)", "deep_weights - (rate * (error @ a) if _ >= steps // 2 else 0)"
    ).replace("rate * wide_gradient", "(rate * wide_gradient if _ < steps // 2 else 0)"),
    "the sum of the rows": TRAIN.replace(" / len(y)", ""),
    "repeated ids are lost": TRAIN.replace(
        "np.add.at(wide_gradient, ids, np.broadcast_to(error[:, None], ids.shape))",
        "wide_gradient[ids] += error[:, None]",
    ),
    "hard-coded": """
def train_jointly(ids, n_ids, a, y, steps, rate):
    if steps == 1:
        return np.zeros(n_ids), np.zeros(a.shape[1]), y.mean() - 0.5
    return np.array([0] * 9 + [-3.0]), np.array([1.4]), 0.0
""",
}
WITH_L1 = (
    TRAIN.replace("train_jointly", "train_with_l1")
    .replace("rate):", "rate, l1):")
    .replace(
        "        deep_weights = deep",
        "        wide_weights = np.sign(wide_weights) * np.maximum(np.abs(wide_weights) - rate * l1, 0)\n"
        "        deep_weights = deep",
    )
)
SHRUNK = "np.sign(wide_weights) * np.maximum(np.abs(wide_weights) - rate * l1, 0)"
WRONG["train-with-l1"] = {
    "no L1 at all": WITH_L1.replace(SHRUNK, "wide_weights"),
    "L1 without the rate": WITH_L1.replace("rate * l1", "l1"),
    "the subgradient, which jitters around 0": WITH_L1.replace(
        SHRUNK, "wide_weights - rate * l1 * np.sign(wide_weights)"
    ),
    "small weights are cut and others not shrunk": WITH_L1.replace(
        SHRUNK, "np.where(np.abs(wide_weights) > rate * l1, wide_weights, 0)"
    ),
    "negative weights are lost": WITH_L1.replace("np.abs(wide_weights)", "wide_weights"),
    "L2 instead of L1": WITH_L1.replace(SHRUNK, "wide_weights * (1 - rate * l1)"),
    "once, at the end": WITH_L1.replace(f"        wide_weights = {SHRUNK}\n", "").replace(
        "    return", f"    wide_weights = {SHRUNK}\n    return"
    ),
    "on the deep weights too": WITH_L1.replace(
        "        bias = bias",
        "        deep_weights = np.sign(deep_weights) * np.maximum(abs(deep_weights) - rate * l1, 0)\n"
        "        bias = bias",
    ),
    "on the bias too": WITH_L1.replace("    return", "    bias = bias - rate * l1 * np.sign(bias)\n    return").replace(
        "rate * error.sum()", "rate * (error.sum() + l1 * np.sign(bias))"
    ),
    "the sum of the rows": WITH_L1.replace(" / len(y)", ""),
    "hard-coded": """
def train_with_l1(ids, n_ids, a, y, steps, rate, l1):
    wide_weights = np.zeros(n_ids)
    if l1 < 0.1:
        wide_weights[-1] = -2.5
    return wide_weights + (l1 == 0), np.full(a.shape[1], 1.2), 0.0
""",
}
LATE = """
def late_probabilities(train, test):
    wide = wdl.fit_wide(train, ["courier", "district", "hour", ("courier", "district")])
    deep = wdl.fit_deep(train, ["courier", "district"], ["hour"])
    inputs, test_inputs = wdl.joint_inputs(train, wide, deep), wdl.joint_inputs(test, wide, deep)
    sizes = {"embedding_dim": 4, "units": (16,), "dropout": 0.0}
    ftrl = wdl.Ftrl(10.0, l1_regularization_strength=0.6)
    contenders = {
        "wide": (lambda: wdl.wide_model(wide), wdl.Ftrl(1.0, l1_regularization_strength=0.1)),
        "deep": (lambda: wdl.deep_model(deep, **sizes), wdl.Adam(0.01)),
        "wide & deep": (
            lambda: wdl.wide_deep_model(wide, deep, **sizes),
            wdl.joint_optimizer(wide=ftrl, deep=wdl.Adam(0.01)),
        ),
    }
    result = pd.DataFrame(index=test.index)
    for name, (build, optimizer) in contenders.items():
        keras.utils.set_random_seed(0)
        model = build()
        wdl.train(model, inputs, train["late"], optimizer, epochs=12, batch_size=128)
        result[name] = wdl.predict(model, test_inputs)
    return result
"""
AVERAGE = '    result["wide & deep"] = (result["wide"] + result["deep"]) / 2\n    return result'
WRONG["late-probabilities"] = {
    "features of the test rows": LATE.replace("(train, [", "(test, ["),
    "features of all rows": LATE.replace("(train, [", "(pd.concat([train, test]), ["),
    "no cross": LATE.replace(', ("courier", "district")]', "]"),
    "the deep part without the hour": LATE.replace('["hour"])', "[])"),
    "an ensemble": LATE.replace("    return result", AVERAGE),
    "the training rows": LATE.replace("wdl.predict(model, test_inputs)", "wdl.predict(model, inputs)[: len(test)]"),
    "logits": LATE.replace("wdl.predict(model, test_inputs)", "model.predict(test_inputs, verbose=0)[:, 0]"),
    "another index": LATE.replace("    return result", "    return result.reset_index(drop=True)"),
    "hard-coded": """
def late_probabilities(train, test):
    rows = np.arange(len(test))
    near = test["truth"]
    return pd.DataFrame({"wide": 0.9 * near + 0.05, "deep": 0.9 * near + 0.05, "wide & deep": 0.99 * near + 0.001})
""".replace("    rows = np.arange(len(test))\n", ""),
}

# ----------------------------------------------------------------------------------------- 05_is_it_better

PAIRED = """
def paired_difference(y, p, q):
    saved = np.log(np.where(y == 1, p, 1 - p)) - np.log(np.where(y == 1, q, 1 - q))
    error = saved.std(ddof=1) / np.sqrt(len(saved))
    return saved.mean(), saved.mean() - 1.96 * error, saved.mean() + 1.96 * error
"""
WRONG["paired-difference"] = {
    "the other model's gain": PAIRED.replace("saved = np.log", "saved = -np.log").replace(") - np.log", ") + np.log"),
    "the spread of people, not of the mean": PAIRED.replace(" / np.sqrt(len(saved))", ""),
    "as if the two models had met different people": PAIRED.replace(
        "saved.std(ddof=1) / np.sqrt(len(saved))",
        "np.sqrt(sum(np.log(np.where(y == 1, x, 1 - x)).var(ddof=1) for x in (p, q)) / len(y))",
    ),
    "n instead of n - 1": PAIRED.replace("ddof=1", "ddof=0"),
    "one standard error": PAIRED.replace("1.96 * ", ""),
    "the probability of label 1 for everybody": PAIRED.replace("np.where(y == 1, p, 1 - p)", "p").replace(
        "np.where(y == 1, q, 1 - q)", "q"
    ),
    "accuracy instead of log loss": PAIRED.replace(
        "np.log(np.where(y == 1, p, 1 - p)) - np.log(np.where(y == 1, q, 1 - q))",
        "((p >= 0.5) == y).astype(float) - ((q >= 0.5) == y)",
    ),
    "hard-coded": """
def paired_difference(y, p, q):
    mean, half = np.log(1.6) / 2, 1.96 * np.log(1.6) / np.sqrt(12)
    return mean, mean - half, mean + half
""",
}
WITHIN = """
def calibration_by_group(y, p, group):
    frame = pd.DataFrame({"y": np.asarray(y), "p": np.asarray(p), "group": np.asarray(group)})
    table = frame.groupby("group").agg(people=("y", "size"), predicted=("p", "mean"), observed=("y", "mean"))
    n, s, z = table["people"], table["observed"], 1.96
    centre, root = s + z**2 / (2 * n), z * np.sqrt(s * (1 - s) / n + z**2 / (4 * n**2))
    table["low"] = (centre - root) / (1 + z**2 / n)
    table["high"] = (centre + root) / (1 + z**2 / n)
    table["calibrated"] = table["predicted"].between(table["low"], table["high"])
    return table
"""
WRONG["calibration-by-group"] = {
    "the textbook's interval, empty for none of four": WITHIN.replace("z**2", "0"),
    "labels by their index": WITHIN.replace(
        '"y": np.asarray(y)', '"y": pd.Series(y).reset_index(drop=True).reindex(getattr(y, "index", None)).to_numpy()'
    ),
    "predicted positives instead of probabilities": WITHIN.replace("np.asarray(p)", "np.asarray(p) >= 0.5"),
    "the number of all people": WITHIN.replace('table["people"], table', "len(frame), table"),
    "everybody's share": WITHIN.replace('table["observed"], 1.96', 'frame["y"].mean(), 1.96'),
    "calibrated if the mean is no more than observed": WITHIN.replace(
        '.between(table["low"], table["high"])', ' <= table["high"]'
    ),
    "one standard error": WITHIN.replace("1.96", "1.0"),
    "the wrong way round": WITHIN.replace('table["calibrated"] = ', 'table["calibrated"] = ~'),
    "hard-coded": """
def calibration_by_group(y, p, group):
    return pd.DataFrame({"people": [100, 4], "predicted": [0.65, 0.3], "observed": [0.5, 0.0], "low": [0.404, 0.0],
                         "high": [0.596, 0.48990], "calibrated": [False, True]}, index=["Oslo", "Rome"])
""",
}
SCALED = """
def cross_fitted(logit, y, fold):
    column = np.asarray(logit).reshape(-1, 1)
    scaled = np.empty(len(column))
    for one in np.unique(fold):
        inside = fold == one
        scaling = LogisticRegression().fit(column[~inside], y[~inside])
        scaled[inside] = scaling.predict_proba(column[inside])[:, 1]
    return scaled
"""
WRONG["cross-fitted"] = {
    "the colleague's": """
def cross_fitted(logit, y, fold):
    return LogisticRegression().fit(logit.reshape(-1, 1), y).predict_proba(logit.reshape(-1, 1))[:, 1]
""",
    "fitted on the row's own fold": SCALED.replace("[~inside]", "[inside]"),
    "fitted on one other fold": SCALED.replace(
        "scaling = ",
        "other = fold == (one + 1) % (fold.max() + 1)\n        scaling = ",
    ).replace("column[~inside], y[~inside]", "column[other], y[other]"),
    "a slope without a bias": SCALED.replace("LogisticRegression()", "LogisticRegression(fit_intercept=False)"),
    "classes instead of probabilities": SCALED.replace(
        "predict_proba(column[inside])[:, 1]", "predict(column[inside])"
    ),
    "the probability of label 0": SCALED.replace("[:, 1]", "[:, 0]"),
    "fold after fold": SCALED.replace(
        "return scaled", "return np.concatenate([scaled[fold == one] for one in np.unique(fold)])"
    ),
    "scaled by the probability, not the logit": SCALED.replace(
        "np.asarray(logit)", "(1 / (1 + np.exp(-np.asarray(logit))))"
    ),
    "hard-coded": "def cross_fitted(logit, y, fold): return np.where(fold == 0, 0.75, 0.25)",
}

# ------------------------------------------------------------------------------------------ 06_retrieval

BATCH = """
def batch_losses(users, items, ids, q):
    n = len(ids)
    scores = users @ items.T
    own = np.diag(scores)
    competing = scores - np.log((n - 1) * q)
    competing[ids[:, None] == ids] = -np.inf
    np.fill_diagonal(competing, own)
    largest = competing.max(axis=1)
    return largest + np.log(np.exp(competing - largest[:, None]).sum(axis=1)) - own
"""
WRONG["batch-losses"] = {
    "no correction": BATCH.replace(" - np.log((n - 1) * q)", ""),
    "the share without the size of the batch": BATCH.replace("(n - 1) * q", "q"),
    "n instead of n - 1": BATCH.replace("(n - 1) * q", "n * q"),
    "corrected the wrong way": BATCH.replace("scores - np.log", "scores + np.log"),
    "the share of the user's item": BATCH.replace("* q)", "* q)[:, None]"),
    "the own score corrected too": BATCH.replace("np.fill_diagonal(competing, own)", "").replace(
        "competing[ids[:, None] == ids] = ",
        "competing[(ids[:, None] == ids) & ~np.eye(n, dtype=bool)] = ",
    ),
    "a shared item is a negative": BATCH.replace("competing[ids[:, None] == ids] = -np.inf", ""),
    "items against users": BATCH.replace("users @ items.T", "items @ users.T"),
    "without the largest": BATCH.replace("competing.max(axis=1)", "np.zeros(n)"),
    "the mean of the batch": BATCH.replace("return largest", "return np.zeros(n) + np.mean(largest").replace(
        "- own", "- own)"
    ),
    "hard-coded": """
def batch_losses(users, items, ids, q):
    if len(ids) == 9:
        return np.full(9, np.log(np.exp([0.3, -1.0, 0.8]).sum()) + 1.0)
    first = np.log(np.e + 11) - 1 if q[2] == 0.05 else np.log(np.e + 2) - 1
    return np.array([first, np.log(np.e + 1) - 1, 0.1])
""",
}
FUNNEL = """
def funnel(users, items, wanted, scores, k, page):
    candidates = retrieval.top_k(users, items, k)
    kept = np.take_along_axis(scores, candidates, axis=1)
    order = np.argsort(-kept, axis=1)[:, :page]
    shown = np.take_along_axis(candidates, order, axis=1)
    of_all = np.argsort(-scores, axis=1)[:, :page]
    sought = np.asarray(wanted)[:, None]
    return {
        "recall": retrieval.recall_at_k(candidates, sought),
        "on the page": retrieval.recall_at_k(shown, sought),
        "without a first stage": retrieval.recall_at_k(of_all, sought),
    }
"""
WRONG["funnel"] = {
    "the first stage's order on the page": FUNNEL.replace("-kept, axis", "0 * kept, axis").replace(
        "axis=1)[:, :page]\n    shown", 'axis=1, kind="stable")[:, :page]\n    shown'
    ),
    "places among the candidates taken for items": FUNNEL.replace(
        "np.take_along_axis(candidates, order, axis=1)", "order"
    ),
    "the worst on the page": FUNNEL.replace("np.argsort(-kept", "np.argsort(kept"),
    "the recall of the page": FUNNEL.replace("recall_at_k(candidates, sought)", "recall_at_k(shown, sought)"),
    "the ranker's best k as candidates": FUNNEL.replace(
        "retrieval.top_k(users, items, k)", "np.argsort(-scores, axis=1)[:, :k]"
    ),
    "one page too long": FUNNEL.replace("np.argsort(-kept, axis=1)[:, :page]", "np.argsort(-kept, axis=1)[:, :k]"),
    "the first stage's page without a ranker": FUNNEL.replace(
        "of_all = np.argsort(-scores, axis=1)[:, :page]", "of_all = retrieval.top_k(users, items, page)"
    ),
    "numbers of users instead of shares": FUNNEL.replace(
        "retrieval.recall_at_k(candidates, sought)", "len(sought) * retrieval.recall_at_k(candidates, sought)"
    ),
    "hard-coded": """
def funnel(users, items, wanted, scores, k, page):
    recall = 1.0 if list(wanted) == [0, 3] else 0.5
    return {"recall": recall, "on the page": 0.5, "without a first stage": 1.0}
""",
}
SEARCH = """
def search_vectors(user_ids, item_ids, weights, vectors):
    user_sums = (vectors[user_ids] * (user_ids > 0)[..., None]).sum(axis=1)
    known = item_ids > 0
    v = vectors[item_ids] * known[..., None]
    item_sums = v.sum(axis=1)
    within = ((item_sums**2).sum(axis=1) - (v**2).sum(axis=(1, 2))) / 2
    own = (weights[item_ids] * known).sum(axis=1) + within
    return np.hstack([user_sums, np.ones((len(user_sums), 1))]), np.hstack([item_sums, own[:, None]])
"""
WRONG["search-vectors"] = {
    "no pairs within the item": SEARCH.replace(" + within", ""),
    "pairs within the item counted twice": SEARCH.replace(") / 2", ")"),
    "no weights of the item": SEARCH.replace("(weights[item_ids] * known).sum(axis=1) + ", ""),
    "id 0 of an item has a vector": SEARCH.replace("vectors[item_ids] * known[..., None]", "vectors[item_ids]"),
    "id 0 of an item has a weight": SEARCH.replace("(weights[item_ids] * known)", "weights[item_ids]"),
    "id 0 of a user has a vector": SEARCH.replace(" * (user_ids > 0)[..., None]", ""),
    "means instead of sums": SEARCH.replace("[..., None]).sum(axis=1)", "[..., None]).mean(axis=1)"),
    "the item's 1 and the user's weights": SEARCH.replace(
        "np.ones((len(user_sums), 1))", "weights[user_ids].sum(axis=1, keepdims=True)"
    ).replace("own[:, None]", "np.ones((len(own), 1))"),
    "the squares are those of the sum": SEARCH.replace("(v**2).sum(axis=(1, 2))", "(item_sums**2).sum(axis=1)"),
    "hard-coded": """
def search_vectors(user_ids, item_ids, weights, vectors):
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), np.array([[2.0, -0.5, 0.0], [1.0, 1.5, 0.0]])
""",
}
