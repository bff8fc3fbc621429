"""Wrong answers to the graded exercises, each of which must lose points; 'hard-coded' knows the visible tests alone."""

from more_wrong_answers import WRONG

# ------------------------------------------------------------------------------------- 01_feature_crossing

FACTS = """
def cross_product(x, crosses):
    return np.stack([x[:, columns].prod(axis=1) for columns in crosses], axis=1)
"""
WRONG["equation-1"] = {
    "or instead of and": FACTS.replace(".prod(axis=1)", ".max(axis=1, initial=0)"),
    "sum instead of product": FACTS.replace(".prod", ".sum"),
    "one fact may be missing": FACTS.replace(".prod(axis=1)", ".sum(axis=1) >= len(columns) - 1"),
    "facts that are not asked for count": FACTS.replace(
        "x[:, columns].prod(axis=1)", "(x == np.isin(np.arange(x.shape[1]), columns)).all(axis=1)"
    ),
    "the other way round": FACTS.replace(", axis=1)\n", ")\n"),
    "one cross": FACTS.replace("in crosses]", "in crosses[:1]]"),
    "a cross that asks for nothing is 0": FACTS.replace(".prod(axis=1)", ".prod(axis=1) * (len(columns) > 0)"),
    "hard-coded": "def cross_product(x, crosses): return np.array([[1, 0], [1, 1], [0, 1]])",
}
COUNTED = """
def cross_vocabulary(left, right, min_count):
    counts = pd.Series([f"{one} & {other}" for one, other in zip(left, right)], dtype="object").value_counts()
    kept = sorted((-count, cross) for cross, count in counts.items() if count >= min_count)
    return {cross: i for i, (_, cross) in enumerate(kept, start=1)}
"""
WRONG["minimum-count"] = {
    "more often than the minimum": COUNTED.replace(">= min_count", "> min_count"),
    "ids from 0": COUNTED.replace("start=1", "start=0"),
    "no minimum": COUNTED.replace(" if count >= min_count", ""),
    "rarest first": COUNTED.replace("(-count, cross)", "(count, cross)"),
    "by alphabet alone": COUNTED.replace("(-count, cross)", "(0, cross)"),
    "counts as values": COUNTED.replace("cross: i for i, (_, cross)", "cross: -_ for i, (_, cross)"),
    "hard-coded": 'def cross_vocabulary(left, right, min_count): return {"HS-grad & Repair": 1, "Masters & Sales": 2}',
}
WRONG["minimum-count"]["ties against the alphabet"] = COUNTED.replace(
    "    return", "    kept.sort(key=lambda entry: (entry[0], [-ord(letter) for letter in entry[1]]))\n    return"
)
GAIN = """
def cross_gain(folds, pair):
    folds = [fold.assign(cross=wdl.cross(fold, list(pair)).to_numpy()) for fold in folds]
    gains = []
    for i, new in enumerate(folds):
        old, losses = pd.concat(folds[:i] + folds[i + 1 :]), []
        for features in (list(pair), [*pair, "cross"]):
            encoder = OneHotEncoder(handle_unknown="ignore").fit(old[features])
            model = LogisticRegression(max_iter=1000).fit(encoder.transform(old[features]), old["label"])
            losses.append(log_loss(new["label"], model.predict_proba(encoder.transform(new[features]))))
        gains.append(losses[0] - losses[1])
    mean, error = np.mean(gains), np.std(gains, ddof=1) / np.sqrt(len(gains))
    return mean, error, mean > 2 * error
"""
WRONG["worth-it"] = {
    "measured on the rows that were fitted": GAIN.replace('new["label"], model', 'old["label"], model').replace(
        "transform(new[features])", "transform(old[features])"
    ),
    "fitted on the fold that is held out": GAIN.replace("pd.concat(folds[:i] + folds[i + 1 :])", "new"),
    "fitted on all folds": GAIN.replace("folds[:i] + folds[i + 1 :]", "folds"),
    "the first fold alone": GAIN.replace("in enumerate(folds):", "in list(enumerate(folds))[:1] * 2:"),
    "the other sign": GAIN.replace("losses[0] - losses[1]", "losses[1] - losses[0]"),
    "no cross": GAIN.replace('[*pair, "cross"]', "[*pair]"),
    "the cross is put beside other rows": GAIN.replace(".to_numpy()", ""),
    "one part instead of the cross": GAIN.replace("wdl.cross(fold, list(pair)).to_numpy()", "fold[pair[0]]"),
    "strings that run together": GAIN.replace(
        "wdl.cross(fold, list(pair)).to_numpy()", "fold[pair[0]] + fold[pair[1]]"
    ),
    "the loss instead of its fall": GAIN.replace("losses[0] - losses[1]", "losses[1]"),
    "the deviation of one gain": GAIN.replace(" / np.sqrt(len(gains))", ""),
    "divided by the number of gains": GAIN.replace("ddof=1", "ddof=0"),
    "worth it if above 0": GAIN.replace("mean > 2 * error", "mean > 0"),
    "worth it above one error": GAIN.replace("2 * error", "error"),
    "hard-coded": """
def cross_gain(folds, pair):
    return (0.3, 0.01, True) if tuple(pair) == ("grown-up", "game") else (0.0, 0.01, False)
""",
}

# ------------------------------------------------------------------------------------------- 02_wide_model

STEP = """
def ftrl_step(g, w, z, n, alpha, l1):
    s = (np.sqrt(n + g**2) - np.sqrt(n)) / alpha
    z, n = z + g - s * w, n + g**2
    return np.where(np.abs(z) <= l1, 0.0, -(z - np.sign(z) * l1) * alpha / np.sqrt(n)), z, n
"""
WRONG["ftrl-step"] = {
    "no correction": STEP.replace(" - s * w", ""),
    "correction added": STEP.replace("- s * w", "+ s * w"),
    "g is not squared": STEP.replace("n + g**2\n", "n + np.abs(g)\n"),
    "the weight from the old n": STEP.replace("alpha / np.sqrt(n)), z", "alpha / np.sqrt(n - g**2)), z"),
    "alpha left out of s": STEP.replace(" / alpha\n", "\n"),
    "no threshold": STEP.replace("<= l1", "< 0"),
    "hard threshold": STEP.replace(" - np.sign(z) * l1", ""),
    "wrong sign": STEP.replace("-(z", "(z"),
    "l1 taken from negative z too": STEP.replace("np.sign(z) * l1", "l1"),
    "hard-coded": """
def ftrl_step(g, w, z, n, alpha, l1):
    return np.array([0.21, 0.1407]), np.array([-0.9, -0.8029]), np.array([0.51, 0.52])
""",
}
TRAIN = """
def train_ftrl(x, y, alpha, l1, steps):
    w, z, n = np.zeros(x.shape[1]), np.zeros(x.shape[1]), np.full(x.shape[1], 1e-6)
    for _ in range(steps):
        probabilities = 1 / (1 + np.exp(-x @ w))
        w, z, n = ftrl_step(x.T @ (probabilities - y) / len(y), w, z, n, alpha, l1)
    return w
"""
WRONG["train-ftrl"] = {
    "gradient's sign": TRAIN.replace("(probabilities - y)", "(y - probabilities)"),
    "sum instead of mean": TRAIN.replace(" / len(y)", ""),
    "logits for probabilities": TRAIN.replace("1 / (1 + np.exp(-x @ w))", "x @ w"),
    "z and n are forgotten": TRAIN.replace("w, z, n = ftrl_step", "w, _, _ = ftrl_step"),
    "no L1": TRAIN.replace("alpha, l1)\n    return", "alpha, 0.0)\n    return"),
    "n starts at 0.1": TRAIN.replace("1e-6", "0.1"),
    "one step": TRAIN.replace("range(steps)", "range(1)"),
    "hard-coded": """
def train_ftrl(x, y, alpha, l1, steps):
    w = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(x, y).coef_[0]
    return w if l1 == 0 else np.where(np.arange(len(w)) < 3, w, 0)
""",
}
CHOICE = """
def choose_l1(x, y, x_held_out, y_held_out, strengths, allowed):
    losses = {}
    for l1 in strengths:
        w = train_ftrl(x, y, alpha=0.3, l1=l1, steps=100)
        losses[l1] = log_loss(y_held_out, 1 / (1 + np.exp(-x_held_out @ w)))
    return max(l1 for l1, loss in losses.items() if loss <= min(losses.values()) + allowed)
"""
WRONG["choose-l1"] = {
    "scored on the rows that were fitted": CHOICE.replace("log_loss(y_held_out", "log_loss(y").replace(
        "-x_held_out @", "-x @"
    ),
    "trained on the held-out rows": CHOICE.replace("train_ftrl(x, y,", "train_ftrl(x_held_out, y_held_out,"),
    "the lowest loss, whatever is allowed": CHOICE.replace(" + allowed", ""),
    "the smallest strength": CHOICE.replace("max(l1 for", "min(l1 for"),
    "the last strength": CHOICE.replace("max(l1 for", "[l1 for").replace("+ allowed)", "+ allowed][-1]"),
    "the largest strength": "def choose_l1(x, y, x_held_out, y_held_out, strengths, allowed): return max(strengths)",
    "hard-coded": """
def choose_l1(x, y, x_held_out, y_held_out, strengths, allowed): return 30.0 if allowed > 1 else 1.0
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

GRADIENTS = """
def gradients(p, y, ids, n_ids, a):
    error = (p - y) / len(y)
    wide_gradient = np.zeros(n_ids)
    np.add.at(wide_gradient, ids, np.broadcast_to(error[:, None], ids.shape))
    wide_gradient[0] = 0
    return wide_gradient, error @ a, error.sum()
"""
WRONG["gradients"] = {
    "repeated ids are lost": GRADIENTS.replace(
        "np.add.at(wide_gradient, ids, np.broadcast_to(error[:, None], ids.shape))",
        "wide_gradient[ids] += error[:, None]",
    ),
    "the sum of the rows": GRADIENTS.replace(" / len(y)", ""),
    "the other sign": GRADIENTS.replace("(p - y)", "(y - p)"),
    "id 0 gets a gradient": GRADIENTS.replace("    wide_gradient[0] = 0\n", ""),
    "activations left out": GRADIENTS.replace("error @ a", "np.full(a.shape[1], error.sum())"),
    "through the sigmoid again": GRADIENTS.replace("(p - y)", "(p - y) * p * (1 - p)"),
    "hard-coded": """
def gradients(p, y, ids, n_ids, a):
    return np.array([0, 0.125, -0.125, 0]), np.array([0.75, 0.25]), 0.125
""",
}
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
WINNER = """
def winner(log, user, app):
    own = log[(log["user"] == user) & (log["app"] == app)]
    if own.empty:
        return "deep"
    taste = log.loc[log["user"] == user, "taste"].iloc[0]
    category = log.loc[log["app"] == app, "category"].iloc[0]
    alike = log[(log["taste"] == taste) & (log["category"] == category)]
    return "wide" if (own["install"].mean() > 0.5) != (alike["install"].mean() > 0.5) else "deep"
"""
WRONG["winner"] = {
    "always deep": "def winner(log, user, app): return 'deep'",
    "wide wherever there are rows": WINNER.split("    taste")[0] + "    return 'wide'\n",
    "wide where nothing was shown": WINNER.replace('return "deep"\n', 'return "wide"\n', 1),
    "the wrong way round": WINNER.replace("!=", "=="),
    "against the whole log": WINNER.replace('alike["install"]', 'log["install"]'),
    "against the user's other rows": WINNER.replace(' & (log["category"] == category)', ' & (log["user"] == user)'),
    "hard-coded": """
def winner(log, user, app): return "wide" if (user, app) == ("u", "a") else "deep"
""",
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

# -------------------------------------------------------------------------------- 06_factorization_machines

FM = """
def fm_logits(ids, bias, weights, vectors):
    known = ids > 0
    v = vectors[ids] * known[..., None]
    pairs = ((v.sum(axis=1) ** 2).sum(axis=1) - (v**2).sum(axis=(1, 2))) / 2
    return bias + (weights[ids] * known).sum(axis=1) + pairs
"""
WRONG["fm-logits"] = {
    "id 0 has a weight": FM.replace("(weights[ids] * known)", "weights[ids]"),
    "id 0 has a vector": FM.replace("vectors[ids] * known[..., None]", "vectors[ids]"),
    "no pairs": FM.replace(" + pairs", ""),
    "no bias": FM.replace("bias + ", ""),
    "pairs counted twice": FM.replace(" / 2", ""),
    "one known feature makes the row": FM.replace("ids > 0", "np.cumsum(ids > 0, axis=1) == 1"),
    "hard-coded": "def fm_logits(ids, bias, weights, vectors): return np.array([4.6, 2.1, 0.1])",
}
SVD = """
def factors(table, k):
    U, s, Vt = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] * s[:k], Vt[:k].T
"""
WRONG["factors"] = {
    "the singular values left out": SVD.replace(" * s[:k]", ""),
    "the singular values on both sides": SVD.replace("Vt[:k].T", "(s[:k, None] * Vt[:k]).T"),
    "their roots on one side": SVD.replace("s[:k]", "np.sqrt(s[:k])"),
    "the last k": "def factors(table, k): U, s, Vt = np.linalg.svd(table, full_matrices=False); "
    "return U[:, -k:] * s[-k:], Vt[-k:].T",
    "apps the other way round": SVD.replace("Vt[:k].T", "Vt[:k]"),
    "the first k columns": "def factors(table, k): return table[:, :k], np.eye(table.shape[1], k)",
    "more than k numbers": SVD.replace(":k]", ":3]"),
    "hard-coded": """
def factors(table, k):
    if k == 1:
        return table[:, :1], np.array([[1], [-1], [1]])
    return table[:, :3], np.eye(3)
""",
}
FILLED = """
def filled(table, k):
    rng = np.random.default_rng(0)
    user_vectors, app_vectors = (0.1 * rng.normal(size=(n, k)) for n in table.shape)
    for _ in range(5000):
        error = np.where(np.isnan(table), 0, user_vectors @ app_vectors.T - table)
        step_of_users, step_of_apps = error @ app_vectors, error.T @ user_vectors
        user_vectors, app_vectors = user_vectors - 0.02 * step_of_users, app_vectors - 0.02 * step_of_apps
    return user_vectors @ app_vectors.T
"""
WRONG["filled"] = {
    "not trained": FILLED.replace("range(5000)", "range(0)"),
    "not trained long enough": FILLED.replace("range(5000)", "range(20)"),
    "gaps are taken for 0": FILLED.replace("np.where(np.isnan(table), 0, ", "(").replace(
        "- table)", "- np.nan_to_num(table))"
    ),
    "gaps enter the error": FILLED.replace("np.where(np.isnan(table), 0, ", "("),
    "up the gradient": FILLED.replace("vectors - 0.02", "vectors + 0.0002"),
    "only the users are trained": FILLED.replace("app_vectors - 0.02", "app_vectors - 0.0"),
    "from zeros": FILLED.replace("0.1 * rng", "0.0 * rng"),
    "the means of the apps": "def filled(table, k): return np.where(np.isnan(table), np.nanmean(table, axis=0), table)",
    "the singular values of the table with zeros": """
def filled(table, k):
    U, s, Vt = np.linalg.svd(np.nan_to_num(table), full_matrices=False)
    return (U[:, :k] * s[:k]) @ Vt[:k]
""",
    "always one number": FILLED.replace("size=(n, k)", "size=(n, 1)"),
    "hard-coded": "def filled(table, k): return np.outer([2.0, 1.0, -1.0, 2.0], [1.0, -1.0, 0.5])",
}
