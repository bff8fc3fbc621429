"""Wrong answers to the graded exercises from notebook 7 on; wrong_answers.py has the others, and says what they are."""

WRONG = {}

# --------------------------------------------------------------------------------- 07_app_recommendation

PAGE = """
def page_value(truth, scores, k):
    first = np.argsort(-scores, axis=1)[:, :k]
    return np.take_along_axis(truth, first, axis=1).sum(axis=1)
"""
WRONG["page-value"] = {
    "the lowest scores": PAGE.replace("-scores", "scores"),
    "ranked by the truth": PAGE.replace("-scores", "-truth"),
    "the scores are added": PAGE.replace("(truth, first", "(scores, first"),
    "a mean instead of a sum": PAGE.replace("sum(axis=1)", "mean(axis=1)"),
    "one place too many": PAGE.replace(":k", ":k + 1"),
    "one number for all visits": PAGE.replace("sum(axis=1)", "sum()"),
    "hard-coded": "def page_value(truth, scores, k): return truth.sum(axis=1) if k == 3 else np.array([0.3, 1.4])",
}
VISITS = """
def visits_needed(installs, gain, share):
    difference = gain * np.mean(installs)
    variance = np.var(installs, ddof=1) * (1 / share + 1 / (1 - share))
    return int(np.ceil((1.96 + 0.84) ** 2 * variance / difference**2))
"""
WRONG["visits-needed"] = {
    "one arm": VISITS.replace("int(", "int(share * "),
    "two equal arms": VISITS.replace("(1 / share + 1 / (1 - share))", "4"),
    "the new arm's mean alone": VISITS.replace(" + 1 / (1 - share)", ""),
    "the standard deviation": VISITS.replace("np.var(", "np.std("),
    "the variance of a whole population": VISITS.replace(", ddof=1", ""),
    "no power": VISITS.replace("(1.96 + 0.84)", "1.96"),
    "the gain as a difference": VISITS.replace("gain * np.mean(installs)", "gain"),
    "rounded down": VISITS.replace("np.ceil", "np.floor"),
    "hard-coded": """
def visits_needed(installs, gain, share):
    return 233 if share == 0.1 else 84 if gain == 0.1 else 335
""",
}
COVERAGE = """
def coverage(log, candidates, min_count):
    both = pd.MultiIndex.from_frame(candidates[["country", "app"]])
    own = log.groupby(["country", "app"]).size().reindex(both).fillna(0).to_numpy()
    others = candidates["app"].map(log["app"].value_counts()).fillna(0).to_numpy() - own
    here, there = own >= min_count, others >= min_count
    return {"here": here.mean(), "elsewhere": (there & ~here).mean(), "unseen": (~here & ~there).mean()}
"""
WRONG["coverage"] = {
    "more often than the minimum": COVERAGE.replace(">= min_count", "> min_count"),
    "the whole log in place of the other countries": COVERAGE.replace(" - own", ""),
    "elsewhere includes here": COVERAGE.replace("(there & ~here)", "there"),
    "unseen is never shown": COVERAGE.replace("(~here & ~there)", "(~candidates['app'].isin(log['app']))"),
    "counts instead of shares": COVERAGE.replace("mean()", "sum()"),
    "countries mixed up": COVERAGE.replace("there & ~here", "there & here"),
    "shares of the log": COVERAGE.replace("mean()", "sum() / len(log)"),
    "hard-coded": "def coverage(log, candidates, min_count): return dict(here=0.25, elsewhere=0.25, unseen=0.5)",
}

# ------------------------------------------------------------------------------------- 08_what_a_log_hides

CLICKS = """
def clicks_per_visit(log, pages):
    on_page = np.array([article in pages[visit] for visit, article in zip(log["visit"], log["article"])])
    gained = (on_page * log["click"] / log["propensity"]).groupby(log["visit"]).sum()
    error = gained.std() / np.sqrt(len(gained))
    return gained.mean(), gained.mean() - 1.96 * error, gained.mean() + 1.96 * error
"""
OF_VISITS = '.groupby(log["visit"]).sum()'
WRONG["clicks"] = {
    "only the visits with a match": CLICKS.replace(
        OF_VISITS, ".where(on_page)" + ".groupby(log['visit']).sum(min_count=1).dropna()"
    ),
    "the rows are the units": CLICKS.replace(OF_VISITS, ""),
    "the weights are the propensities": CLICKS.replace("/ log[", "* log["),
    "without weights": CLICKS.replace(' / log["propensity"]', ""),
    "self-normalized": CLICKS.replace(
        "    error =", '    gained = gained * len(gained) / (on_page / log["propensity"]).sum()\n    error ='
    ),
    "the standard deviation in place of the error": CLICKS.replace(" / np.sqrt(len(gained))", ""),
    "n in place of n - 1": CLICKS.replace("gained.std()", "gained.std(ddof=0)"),
    "one standard error": CLICKS.replace("1.96 * error", "error"),
    "what the new page lacks": CLICKS.replace("article in pages", "article not in pages"),
    "the propensity squared": CLICKS.replace('/ log["propensity"]', '/ log["propensity"] ** 2'),
    "hard-coded": """
def clicks_per_visit(log, pages):
    half = 1.96 * np.std([4, 0, 6], ddof=1) / 3**0.5
    return (5 / 3 if len(pages[1]) == 4 else 10 / 3), 10 / 3 - half, 10 / 3 + half
""",
}
TURNS = """
def examination_and_relevance(shown, clicks):
    shown, clicks = np.asarray(shown, dtype=float), np.asarray(clicks, dtype=float)
    examination = np.ones(shown.shape[1])
    for _ in range(500):
        relevance = clicks.sum(axis=1) / (shown @ examination)
        examination = clicks.sum(axis=0) / (relevance @ shown)
    return examination / examination[0], relevance * examination[0]
"""
SCALED = "examination / examination[0], relevance * examination[0]"
WRONG["examination"] = {
    "one round": TURNS.replace("range(500)", "range(1)"),
    "the share of clicks of each position and article": """
def examination_and_relevance(shown, clicks):
    examination = clicks.sum(axis=0) / shown.sum(axis=0)
    return examination / examination[0], clicks.sum(axis=1) / shown.sum(axis=1)
""",
    "the first position is not 1": TURNS.replace(
        SCALED, "examination / examination.sum(), relevance * examination.sum()"
    ),
    "only the examination is scaled": TURNS.replace(
        SCALED, "examination / examination[0], relevance / relevance.sum()"
    ),
    "examination does not enter the relevance": TURNS.replace("(shown @ examination)", "shown.sum(axis=1)"),
    "what was shown does not count": TURNS.replace("(relevance @ shown)", "relevance.sum()"),
    "the mean of the cells' shares": """
def examination_and_relevance(shown, clicks):
    share = clicks / np.maximum(shown, 1)
    examination = share.mean(axis=0)
    return examination / examination[0], share.mean(axis=1)
""",
    "the other way round": TURNS.replace(SCALED, "relevance * examination[0], examination / examination[0]"),
    "hard-coded": """
def examination_and_relevance(shown, clicks):
    if len(shown) == 2:
        return np.array([1, 0.5]), np.array([0.6, 0.2])
    return np.array([1, 0.6, 0.2]), np.array([0.3, 0.3, 0.3])
""",
}
CORRECTED = """
def corrected(p, kept):
    return p / (p + (1 - p) / kept)

def total_clicks(sample):
    stands_for = np.where(sample["click"] == 1, 1, 1 / sample["kept"])
    return (corrected(sample["p"], sample["kept"]) * stands_for).sum()
"""
WRONG["corrected"] = {
    "the share on the wrong side": CORRECTED.replace("(1 - p) / kept", "(1 - p) * kept"),
    "the probability times the share": CORRECTED.replace("p / (p + (1 - p) / kept)", "p * kept"),
    "the logit divided by the share": CORRECTED.replace(
        "p / (p + (1 - p) / kept)", "1 / (1 + ((1 - p) / p) ** (1 / kept))"
    ),
    "the mean share for all rows": CORRECTED.replace("(1 - p) / kept", "(1 - p) / np.mean(kept)"),
    "the sample in place of the log": CORRECTED.replace("1 / sample[", "0 * sample[").replace(", 0 *", ", 1 + 0 *"),
    "clicks stand for others as well": CORRECTED.replace(
        'np.where(sample["click"] == 1, 1, 1 / sample["kept"])', '1 / sample["kept"]'
    ),
    "what the model says of the sample": CORRECTED.replace('corrected(sample["p"], sample["kept"]) *', 'sample["p"] *'),
    "the clicks counted": CORRECTED.replace(
        '(corrected(sample["p"], sample["kept"]) * stands_for).sum()', 'sample["click"].sum()'
    ),
    "hard-coded": """
def corrected(p, kept):
    return np.array([1 / 11]) if p[0] == 0.5 else p

def total_clicks(sample):
    return 1 / 3 + 15 / 11
""",
}

# ------------------------------------------------------------------------------------------- 09_a_real_log

SAMPLED = """
def sampled_hit_rate(places, others, n, k):
    return hypergeom.cdf(k - 1, others, places, n).mean()
"""
WRONG["sampled-hit-rate"] = {
    "one place too many": SAMPLED.replace("k - 1", "k"),
    "the ordinary hit rate": "def sampled_hit_rate(places, others, n, k): return (np.asarray(places) < k).mean()",
    "the place in proportion": "def sampled_hit_rate(places, others, n, k): return (places * n / others < k).mean()",
    "places and others swapped": SAMPLED.replace("others, places, n", "others, others - places, n"),
    "the item itself is one of the others": SAMPLED.replace("others, places, n", "others + 1, places + 1, n"),
    "a number for each query": SAMPLED.replace(".mean()", ""),
    "a miss in place of a hit": SAMPLED.replace("return ", "return 1 - "),
    "hard-coded": """
def sampled_hit_rate(places, others, n, k):
    return 0.5 if n == 9 else {0: 1, 1: 2 / 3, 9: 0}.get(int(places[0]), 0.5)
""",
}
WITHOUT = """
def without_sampling(logits, counts, share):
    drawn = share * counts / counts.sum() + (1 - share) / len(counts)
    return logits + np.log(drawn * len(counts))
"""
WRONG["without-sampling"] = {
    "the wrong way": WITHOUT.replace("logits + ", "logits - "),
    "as if all came from the log": WITHOUT.replace("drawn =", "share = float(share > 0)\n    drawn ="),
    "the share turned round": WITHOUT.replace("drawn =", "share = 1 - share\n    drawn ="),
    "only the share from the log": WITHOUT.replace("(1 - share) / len(counts)", "(share == 0) / len(counts)"),
    "counts without their sum": WITHOUT.replace(" / counts.sum()", ""),
    "a shift for all items": WITHOUT.replace("(drawn *", "(drawn.mean() *"),
    "the logarithm is forgotten": WITHOUT.replace("np.log(drawn * len(counts))", "drawn * len(counts) - 1"),
    "hard-coded": """
def without_sampling(logits, counts, share):
    if share == 0:
        return logits
    return logits + np.log(0.5 * np.array([0.7, 0.2, 0.1]) + 0.5 / 3)
""",
}
RANKER = """
def train_ranker(log, items, lists):
    rows = logs.leave_one_out(log, "user", "item", "has")
    rows = logs.with_negatives(rows, log, "user", "item", 3, items=items).sample(frac=1, random_state=0)
    wide = wdl.fit_wide(rows, ["item", ("has", "item")])
    model = wdl.wide_model(wide)
    optimizer = wdl.Ftrl(0.3, initial_accumulator_value=1e-6)
    wdl.train(model, {"wide_ids": wdl.wide_ids(rows, wide)}, rows["label"], optimizer, epochs=10, batch_size=64)
    each = ranking.candidates(pd.DataFrame({"has": lists}), "item", items)
    return wdl.predict(model, {"wide_ids": wdl.wide_ids(each, wide)}).reshape(len(lists), len(items))
"""
WRONG["train-ranker"] = {
    "the list holds the answer": RANKER.replace(
        "    wide =", '    rows["has"] = rows["user"].map(log.groupby("user")["item"].agg(list))\n    wide ='
    ),
    "no cross": RANKER.replace(', ("has", "item")]', ', "has"]'),
    "not trained": RANKER.replace("    wdl.train", "    # wdl.train"),
    "the labels are turned round": RANKER.replace('rows["label"]', '1 - rows["label"]'),
    "the labels are mixed up": RANKER.replace('rows["label"]', 'rows["label"].sample(frac=1, random_state=1)'),
    "a line for each item": RANKER.replace("(len(lists), len(items))", "(len(items), len(lists)).T"),
    "hard-coded": RANKER.replace("lists):", "lists):\n    log = log[log['item'].isin([*'abcdefABCDEF'])]"),
}

# ------------------------------------------------------------------------------------------ 10_production

GROWN = """
def grown_vocabulary(vocabulary, values):
    counts = pd.Series([value for value in values if value not in vocabulary], dtype="object").value_counts()
    new = [value for _, value in sorted((-count, value) for value, count in counts.items())]
    return vocabulary | {value: len(vocabulary) + i for i, value in enumerate(new, start=1)}
"""
WRONG["grown"] = {
    "fitted anew": "def grown_vocabulary(vocabulary, values): return wdl.vocabulary(pd.Series([*vocabulary, *values]))",
    "the first new id is the last old one": GROWN.replace("start=1", "start=0"),
    "new ids from 1": GROWN.replace("len(vocabulary) + i", "i"),
    "by alphabet alone": GROWN.replace("(-count, value)", "(0, value)"),
    "in the order of the day": GROWN.replace(
        "sorted((-count, value) for value, count in counts.items())",
        "[(0, value) for value in dict.fromkeys(values) if value not in vocabulary]",
    ),
    "the old dict is changed": GROWN.replace("return vocabulary |", "vocabulary |=") + "    return vocabulary\n",
    "nothing is new": "def grown_vocabulary(vocabulary, values): return dict(vocabulary)",
    "hard-coded": "def grown_vocabulary(vocabulary, values): return {'maps': 1, 'chess': 2, 'news': 3, 'books': 4}",
}
TRAIN_ON = """
def train_on(w, ids, labels, alpha, l1, n0):
    w, n = np.array(w, dtype=float), np.full(len(w), float(n0))
    z = -w * np.sqrt(n) / alpha - l1 * np.sign(w)
    for row, label_of_row in zip(ids, labels):
        g = 1 / (1 + np.exp(-w[row].sum())) - label_of_row
        s = (np.sqrt(n[row] + g**2) - np.sqrt(n[row])) / alpha
        z[row] += g - s * w[row]
        n[row] += g**2
        w[row] = np.where(np.abs(z[row]) <= l1, 0, -(z[row] - np.sign(z[row]) * l1) * alpha / np.sqrt(n[row]))
    return w
"""
SLOTS = "z = -w * np.sqrt(n) / alpha - l1 * np.sign(w)"
WRONG["train-on"] = {
    "empty slots": TRAIN_ON.replace(SLOTS, "z = np.zeros(len(w))"),
    "the slots have the sign of the weights": TRAIN_ON.replace(SLOTS, "z = w * np.sqrt(n) / alpha + l1 * np.sign(w)"),
    "slots without the threshold": TRAIN_ON.replace(SLOTS, "z = -w * np.sqrt(n) / alpha"),
    "the threshold on the wrong side": TRAIN_ON.replace(SLOTS, SLOTS.replace("- l1", "+ l1")),
    "n starts at a tenth": TRAIN_ON.replace("float(n0)", "0.1"),
    "all weights start anew": TRAIN_ON.replace("np.array(w, dtype=float)", "np.zeros(len(w))"),
    "yesterday's weights are changed": TRAIN_ON.replace("np.array(w, dtype=float)", "w"),
    "the gradient points the other way": TRAIN_ON.replace(
        "1 / (1 + np.exp(-w[row].sum())) - label_of_row", "label_of_row - 1 / (1 + np.exp(-w[row].sum()))"
    ),
    "no correction": TRAIN_ON.replace("g - s * w[row]", "g"),
    "the last row alone": TRAIN_ON.replace("zip(ids, labels)", "zip(ids[-1:], labels[-1:])"),
    "plain gradient steps": """
def train_on(w, ids, labels, alpha, l1, n0):
    w = np.array(w, dtype=float)
    for row, label_of_row in zip(ids, labels):
        w[row] -= alpha * (1 / (1 + np.exp(-w[row].sum())) - label_of_row)
    return w
""",
    "hard-coded": """
def train_on(w, ids, labels, alpha, l1, n0):
    if len(ids) == 0:
        return w.copy()
    return np.array([0.598058, -0.401942, 0, 1.5] if len(ids) == 1 else [1.2, -2.1, 0, -0.2])
""",
}
ACCEPTED = """
def accepted(before, after, labels, max_change, max_rise):
    after = np.asarray(after)
    if after.shape != before.shape or not ((after >= 0) & (after <= 1)).all():
        return False
    rise = wdl.scores(labels, after)["log loss"] - wdl.scores(labels, before)["log loss"]
    return bool(np.abs(after - before).mean() <= max_change and rise <= max_rise)
"""
WRONG["accepted"] = {
    "everything": "def accepted(before, after, labels, max_change, max_rise): return True",
    "nothing": "def accepted(before, after, labels, max_change, max_rise): return False",
    "the loss does not count": ACCEPTED.replace(" and rise <= max_rise", ""),
    "the change does not count": ACCEPTED.replace("np.abs(after - before).mean() <= max_change and ", ""),
    "one bound is enough": ACCEPTED.replace("max_change and", "max_change or"),
    "signed differences": ACCEPTED.replace("np.abs(after - before).mean()", "abs((after - before).mean())"),
    "the loss must not move": ACCEPTED.replace("rise <= max_rise", "abs(rise) <= max_rise"),
    "shapes are not looked at": ACCEPTED.replace("after.shape != before.shape or ", ""),
    "only NaN is refused": ACCEPTED.replace("((after >= 0) & (after <= 1)).all()", "np.isfinite(after).all()"),
    "hard-coded": "def accepted(before, after, labels, max_change, max_rise): return before is after",
}

# ------------------------------------------------------------------------------------------------ 11_scale

BILL = """
def bill_of(tables, dense, slots, batch):
    weights = dense + sum(rows * dimension for rows, dimension, _ in tables.values())
    sent = dense + sum(batch * ids * (1 + dimension) for _, dimension, ids in tables.values())
    return {"memory": 4 * weights * (1 + slots), "sent": 4 * sent}
"""
WRONG["bill"] = {
    "slots are forgotten": BILL.replace(" * (1 + slots)", ""),
    "slots in place of the weights": BILL.replace("(1 + slots)", "slots"),
    "slots of the tables alone": BILL.replace(
        "4 * weights * (1 + slots)", "4 * (dense + (weights - dense) * (1 + slots))"
    ),
    "gradients without their ids": BILL.replace("(1 + dimension)", "dimension"),
    "one id a row": BILL.replace("batch * ids", "batch"),
    "whole tables are sent": BILL.replace("batch * ids * (1 + dimension) for _,", "rows * dimension for rows,"),
    "the slots travel": BILL.replace("4 * sent}", "4 * sent * (1 + slots)}"),
    "dense gradients are not sent": BILL.replace("sent = dense + ", "sent = "),
    "eight bytes": BILL.replace("4 *", "8 *"),
    "hard-coded": "def bill_of(tables, dense, slots, batch): return {'memory': 12_120, 'sent': 160}",
}
SHARDED = """
def sharded_lookup(pieces, ids):
    rows = np.zeros((*ids.shape, pieces[0].shape[1]))
    for i, piece in enumerate(pieces):
        here = ids % len(pieces) == i
        rows[here] = piece[ids[here] // len(pieces)]
    return rows
"""
WRONG["lookup"] = {
    "halves instead of remainders": "def sharded_lookup(pieces, ids): return np.concatenate(pieces)[ids]",
    "place and piece mixed up": SHARDED.replace("ids % len(pieces) == i", "ids // len(pieces) == i").replace(
        "ids[here] // len(pieces)", "ids[here] % len(pieces)"
    ),
    "two pieces": SHARDED.replace("len(pieces)", "2"),
    "the first piece alone": SHARDED.replace("enumerate(pieces)", "enumerate(pieces[:1])"),
    "flat": SHARDED.replace("return rows", "return rows.reshape(-1, rows.shape[-1])"),
    "hard-coded": "def sharded_lookup(pieces, ids): return np.arange(14.0).reshape(7, 2)[ids]",
}
MESSAGES = """
def messages(ids, gradients, n_pieces):
    found = []
    for i in range(n_pieces):
        here = (ids % n_pieces == i) & (ids != 0)
        places, position = np.unique(ids[here] // n_pieces, return_inverse=True)
        sums = np.zeros((len(places), gradients.shape[1]))
        np.add.at(sums, position, gradients[here])
        found.append((places, sums))
    return found
"""
WRONG["messages"] = {
    "the last gradient of an id": MESSAGES.replace(
        "np.add.at(sums, position, gradients[here])", "sums[position] = gradients[here]"
    ),
    "id 0 is sent": MESSAGES.replace(" & (ids != 0)", ""),
    "ids instead of places": MESSAGES.replace("ids[here] // n_pieces", "ids[here]"),
    "each id as often as it occurs": MESSAGES.replace(
        "np.unique(ids[here] // n_pieces, return_inverse=True)",
        "np.sort(ids[here] // n_pieces), np.arange(here.sum())",
    ),
    "the mean instead of the sum": MESSAGES.replace(
        "found.append",
        "sums /= np.maximum(np.bincount(position, minlength=len(sums)), 1)[:, None]\n        found.append",
    ),
    "two pieces": MESSAGES.replace("% n_pieces", "% 2").replace("// n_pieces", "// 2"),
    "pieces the other way round": MESSAGES.replace("return found", "return found[::-1]"),
    "hard-coded": """
def messages(ids, gradients, n_pieces):
    return [(np.array([2, 3]), np.array([[6.0], [7.0]])), (np.array([0]), np.array([[2.0]]))]
""",
}
