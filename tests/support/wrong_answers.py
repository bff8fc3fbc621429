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

GAPS = """
def with_gaps(known, new, n_q):
    known = known[~np.isnan(known)]
    missing = np.isnan(new)
    filled = np.where(missing, np.median(known), new)
    boundaries = np.quantile(known, np.arange(1, n_q) / n_q)
    group = 1 + (filled[:, None] >= boundaries).sum(axis=1)
    return np.column_stack([(group - 1) / (n_q - 1), missing])
"""
WRONG["with-gaps"] = {
    "boundaries from the new values": GAPS.replace("quantile(known", "nanquantile(new"),
    "boundaries from all values": GAPS.replace("quantile(known", "nanquantile(np.concatenate([known, new])"),
    "the median of the new values": GAPS.replace("np.median(known)", "np.nanmedian(new)"),
    "the mean": GAPS.replace("np.median(known)", "np.mean(known)"),
    "a gap is 0": GAPS.replace("np.median(known)", "0"),
    "1 where it is known": GAPS.replace(", missing])", ", ~missing])"),
    "gaps among the known values stay": GAPS.replace("    known = known[~np.isnan(known)]\n", ""),
    "divided by n_q": GAPS.replace("/ (n_q - 1)", "/ n_q"),
    "a boundary belongs below": GAPS.replace(">=", ">"),
    "hard-coded": """
def with_gaps(known, new, n_q): return np.array([[0, 0], [1 / 3, 0], [2 / 3, 1]] if len(new) == 3 else [[1 / 3, 0]])
""",
}
LAYERS = """
def hidden_layers(a, layers):
    for W, b in layers:
        a = np.maximum(0, W @ a + b)
    return a
"""
WRONG["equation-2"] = {
    "no ReLU": LAYERS.replace("np.maximum(0, W @ a + b)", "W @ a + b"),
    "ReLU before the bias": LAYERS.replace("np.maximum(0, W @ a + b)", "np.maximum(0, W @ a) + b"),
    "no bias": LAYERS.replace(" + b", ""),
    "Keras' matrix": LAYERS.replace("W @ a", "a @ W"),
    "the first layer only": LAYERS.replace("in layers:", "in layers[:1]:"),
    "ReLU at the end only": LAYERS.replace("np.maximum(0, W @ a + b)", "W @ a + b").replace(
        "n a", "n np.maximum(0, a)"
    ),
    "hard-coded": """
def hidden_layers(a, layers): return np.array([1, 2.5, 0] if len(layers) == 1 else [3.5, 0])
""",
}
JUDGE = """
def judge(log, new):
    fitted = wdl.fit_deep(log, ["installed", "impression"], [])
    model = wdl.deep_model(fitted, embedding_dim=4, units=(16,), dropout=0.0)
    inputs = wdl.deep_inputs(log, fitted)
    wdl.train(model, inputs, log["install"], wdl.Adam(0.02), epochs=10, batch_size=32)
    return wdl.predict(model, wdl.deep_inputs(new, fitted))
"""
WRONG["unseen-pairs"] = {
    "not trained": "".join(line for line in JUDGE.splitlines(True) if "train" not in line),
    "a single step": JUDGE.replace("epochs=10, batch_size=32", "epochs=1, batch_size=len(log)"),
    "one column": JUDGE.replace('["installed", "impression"]', '["installed"]'),
    "the probability of 0": JUDGE.replace("return ", "return 1 - "),
    "the logits": JUDGE.replace(
        "wdl.predict(model, wdl.deep_inputs(new, fitted))", "model(wdl.deep_inputs(new, fitted)).numpy()[:, 0]"
    ),
    "the memory of pairs": """
def judge(log, new):
    rates = log.groupby(["installed", "impression"])["install"].mean()
    return rates.reindex(pd.MultiIndex.from_frame(new)).fillna(log["install"].mean()).to_numpy()
""",
    "hard-coded": """
def judge(log, new):
    rng = np.random.default_rng(33)
    tastes = rng.permutation(np.arange(12) % 2)
    return (tastes[new["installed"] % 12] == tastes[new["impression"] % 12]).astype(float)
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
        "        deep_weights = np.sign(deep_weights) * np.maximum(abs(deep_weights) - rate * l1, 0)\n        bias = bias",
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
