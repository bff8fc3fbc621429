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

# --------------------------------------------------------------------------------- 10_a_week_in_production

BROKEN = """
def broken_columns(past, today, vocabularies):
    above = {}
    for column, known in vocabularies.items():
        shares = pd.Series([1 - day[column].isin(known).mean() for day in past])
        bound = shares.mean() + max(0.02, 5 * shares.std() * (1 + 1 / len(shares)) ** 0.5)
        above[column] = 1 - today[column].isin(known).mean() - bound
    return [column for column in sorted(above, key=above.get, reverse=True) if above[column] > 0]
"""
WRONG["broken"] = {
    "no floor": BROKEN.replace("max(0.02, 5 * shares.std() * (1 + 1 / len(shares)) ** 0.5)", "5 * shares.std()"),
    "the floor alone": BROKEN.replace("max(0.02, 5 * shares.std() * (1 + 1 / len(shares)) ** 0.5)", "0.02"),
    "the mean is not uncertain": BROKEN.replace(" * (1 + 1 / len(shares)) ** 0.5", ""),
    "the deviation of a whole population": BROKEN.replace("shares.std()", "shares.std(ddof=0)"),
    "the mean is forgotten": BROKEN.replace("shares.mean() + max", "max"),
    "two deviations": BROKEN.replace("5 * shares", "2 * shares"),
    "the known share": BROKEN.replace("1 - day[column].isin(known).mean()", "day[column].isin(known).mean()").replace(
        "1 - today[column].isin(known).mean()", "today[column].isin(known).mean()"
    ),
    "gaps do not count": BROKEN.replace("1 - today[column].isin(known)", "1 - today[column].dropna().isin(known)"),
    "the last day alone": BROKEN.replace("for day in past]", "for day in past[-1:] * 2]"),
    "in the order of the columns": BROKEN.replace("sorted(above, key=above.get, reverse=True)", "above"),
    "all columns": BROKEN.replace(" if above[column] > 0", ""),
    "hard-coded": """
def broken_columns(past, today, vocabularies):
    if "color" not in today:
        return ["q", "s"]
    if today["color"].isna().any():
        return ["size", "color"]
    if "RED" in set(today["color"]):
        return ["color"]
    return ["size"] if past[1].equals(past[0]) and (today["size"] == "XXL").sum() == 12 else []
""",
}
ONCE = """
def first_layer(user, candidates, kernel, bias):
    of_user = user @ kernel[: len(user)] + bias
    return np.maximum(candidates @ kernel[len(user) :] + of_user, 0)

def saved(u, c, units, n):
    return 1 - (u + n * c) * units / (n * (u + c) * units)
"""
WRONG["once"] = {
    "the candidates' rows come first": ONCE.replace("kernel[: len(user)]", "kernel[-len(user) :]").replace(
        "kernel[len(user) :]", "kernel[: -len(user)]"
    ),
    "no bias": ONCE.replace(" + bias", ""),
    "no relu": ONCE.replace(
        "np.maximum(candidates @ kernel[len(user) :] + of_user, 0)", "candidates @ kernel[len(user) :] + of_user"
    ),
    "relu on the user's side": ONCE.replace("of_user = user", "of_user = np.maximum(user").replace(
        "+ bias", "+ bias, 0)"
    ),
    "the user's side is left out": ONCE.replace(" + of_user", ""),
    "the share that is left": ONCE.replace("1 - (u", "(u"),
    "the user is saved wholly": ONCE.replace("(u + n * c)", "(n * c)"),
    "hard-coded": """
def first_layer(user, candidates, kernel, bias):
    return np.array([[2.5, 0.5], [1.5, 1.5], [0, 10.5]])

def saved(u, c, units, n):
    return 0 if n == 1 else 3 / 8
""",
}
SERVES = """
def may_serve(live, candidate, labels, visit, margin):
    if not ((candidate > 0) & (candidate < 1)).all():
        return False
    rise = np.log(np.where(labels == 1, live, 1 - live)) - np.log(np.where(labels == 1, candidate, 1 - candidate))
    of_visit = pd.Series(rise).groupby(np.asarray(visit)).mean()
    return bool(of_visit.mean() + 2 * of_visit.sem() <= margin)
"""
WRONG["serves"] = {
    "everything": "def may_serve(live, candidate, labels, visit, margin): return True",
    "no error": SERVES.replace(" + 2 * of_visit.sem()", ""),
    "certainly worse": SERVES.replace("+ 2 * of_visit.sem()", "- 2 * of_visit.sem()"),
    "one standard error": SERVES.replace("2 * of_visit", "1 * of_visit"),
    "rows as units": SERVES.replace(".groupby(np.asarray(visit)).mean()", ""),
    "sums of visits": SERVES.replace(".groupby(np.asarray(visit)).mean()", ".groupby(np.asarray(visit)).sum()"),
    "the difference turned round": SERVES.replace("rise = ", "rise = -1 * (").replace(
        "1 - candidate))\n", "1 - candidate)))\n"
    ),
    "the deviation of a whole population": SERVES.replace("of_visit.sem()", "of_visit.sem(ddof=0)"),
    "probabilities are not looked at": SERVES.replace("not ((candidate > 0) & (candidate < 1)).all()", "False"),
    "only NaN is refused": SERVES.replace("not ((candidate > 0) & (candidate < 1)).all()", "np.isnan(candidate).any()"),
    "NumPy's bool": SERVES.replace(
        "return bool(of_visit.mean() + 2 * of_visit.sem() <= margin)",
        "return of_visit.mean() + 2 * of_visit.sem() <= margin",
    ),
    "hard-coded": "def may_serve(live, candidate, labels, visit, margin): return margin in (0.0, 0.21)",
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

# --------------------------------------------------------------------------------------- 12_your_own_data

GAPS = """
def fit_gaps(train, columns):
    return {column: float(train[column].median()) for column in columns if train[column].isna().any()}


def fill_gaps(frame, medians):
    filled = frame.copy()
    for column, median in medians.items():
        indicator = f"{column}_missing"
        if indicator in frame:
            raise ValueError(f"The frame already has a column {indicator!r}.")
        filled[indicator] = frame[column].isna().astype(int)
        filled[column] = frame[column].fillna(median)
    return filled
"""
WRONG["gaps"] = {
    "the mean": GAPS.replace(".median()", ".mean()"),
    "medians of all columns": GAPS.replace(" if train[column].isna().any()", ""),
    "the median of the frame that is filled": GAPS.replace("fillna(median)", "fillna(frame[column].median())"),
    "the frame itself": GAPS.replace("frame.copy()", "frame"),
    "the indicator after the filling": GAPS.replace("= frame[column].isna()", "= frame[column].fillna(median).isna()"),
    "the indicator of what is there": GAPS.replace(".isna().astype(int)", ".notna().astype(int)"),
    "without indicators": GAPS.replace("        filled[indicator] = frame[column].isna().astype(int)\n", ""),
    "a user's column is overwritten": GAPS.replace("if indicator in frame", "if False"),
    "every gap of the frame": GAPS.replace("return filled", "return filled.fillna(0)"),
    "hard-coded": """
def fit_gaps(train, columns):
    return {"age": 40.0}


def fill_gaps(frame, medians):
    return frame.assign(age=[40.0, 5.0], age_missing=[1, 0])
""",
}
SLICES = """
def by_slice(frame, column, label, p, at_least):
    cells = pd.DataFrame({"value": frame[column].astype(str).to_numpy(), "y": frame[label].to_numpy(), "p": p})
    sums = cells.groupby("value").agg(rows=("y", "size"), positives=("y", "sum"), expected=("p", "sum"))
    is_rare = sums["positives"] < at_least
    result = sums[~is_rare].sort_index()
    if is_rare.any():
        others = sums[is_rare].sum().to_frame("others").T
        result = pd.concat([result, others])
    positives = result["positives"].astype(int)
    ratio = result["expected"] / positives.where(positives > 0)
    return pd.DataFrame({"rows": result["rows"].astype(int), "positives": positives, "ratio": ratio})
"""
WRONG["by-slice"] = {
    "rare by rows": SLICES.replace('sums["positives"] < at_least', 'sums["rows"] < at_least'),
    "at most in place of fewer": SLICES.replace("< at_least", "<= at_least"),
    "rare values are dropped": SLICES.replace("if is_rare.any()", "if False"),
    "always others": SLICES.replace("if is_rare.any()", "if True"),
    "others is the mean": SLICES.replace("sums[is_rare].sum()", "sums[is_rare].mean()"),
    "others first": SLICES.replace("[result, others]", "[others, result]"),
    "the ratio upside down": SLICES.replace(
        'result["expected"] / positives.where(positives > 0)', 'positives / result["expected"]'
    ),
    "infinite without positives": SLICES.replace("positives.where(positives > 0)", "positives"),
    "the probabilities by the frame's index": SLICES.replace(
        '"p": p}', '"p": pd.Series(p).reindex(frame.index).to_numpy()}'
    ),
    "hard-coded": """
def by_slice(frame, column, label, p, at_least):
    values = ["Bern", "Kyiv", "Oslo", "Rome"] if at_least == 0 else ["Oslo", "Rome", "others"]
    columns = {"rows": [2, 2, 2, 2], "positives": [2, 2, 1, 0], "ratio": [0.5, 0.5, 0.4, 0]}
    return pd.DataFrame(columns)[: len(values)].set_axis(values)
""",
}
