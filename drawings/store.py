"""Drawings of notebook 7: the app store."""

from drawings.models import model
from drawings.pieces import (
    DEEP,
    GREY,
    JOINT,
    SMALL,
    TINT,
    WIDE,
    Parts,
    arrow,
    box,
    cells,
    dot,
    line,
    panel,
    rectangle,
    svg,
    text,
)

# The numbers of the paper's figure 4.
DIMENSION = 32
SIDE_BY_SIDE = "about 1200"
UNITS = (1024, 512, 256)
# The parts of one pair's truth, as the notebook prints them: person 0 and the app travel 1.
PAIR = {"base": "−1.5", "taste": "−1.37", "popularity": "1.28", "rule": "1.32", "logit": "−0.27", "truth": "0.43"}
# The arms of the experiment's first visits, and of the rows of a log those that a random split holds out.
ARMS = (0, 0, 1, 0, 0, 1, 2)
RANDOM_ROWS = (3, 6, 11, 17)


def recommender() -> str:
    """The paper's figure 2."""
    parts = box(20, 80, 110, 80, "Visitor\nopens\nthe store")
    parts += box(200, 80, 150, 80, "Retrieval\nsome hundred\ncandidates")
    parts += box(415, 80, 140, 80, "Ranking\nsorts them by\nP(install | x)", JOINT)
    parts += box(610, 80, 90, 80, "Page\nthe first\nten")
    parts += arrow((130, 120), (200, 120)) + text(164, 106, "query", size=SMALL)
    parts += arrow((350, 120), (415, 120)) + arrow((555, 120), (610, 120))
    parts += arrow((655, 80), (655, 40), (75, 40), (75, 80)) + text(380, 24, "what the visitor sees", size=SMALL)

    parts += box(205, 250, 140, 80, "All apps\nmore than\na million")
    parts += box(415, 250, 140, 80, "Training\na new model\nfrom the log", JOINT)
    parts += box(610, 250, 90, 80, "Log\nshown,\ninstalled")
    parts += arrow((275, 250), (275, 160)) + arrow((485, 250), (485, 160)) + text(492, 205, "model", SMALL, "start")
    parts += arrow((655, 160), (655, 250)) + text(648, 205, "answers", SMALL, "end")
    parts += arrow((610, 290), (555, 290))
    description = """
        A loop. A visitor's query goes to retrieval, which picks some hundred candidates out of more than a million
        apps. Ranking sorts them by the probability of an install, and the first ten make the page that the visitor
        sees. The page and the visitor's answers go into a log, training makes a new model from the log, and ranking
        uses it.
    """
    return svg("Retrieval and ranking", description, 352, parts)


def store_model() -> str:
    """The paper's figure 4."""
    wide = (
        "Wide: FTRL, L1",
        "a cross\ninstalled app AND\nimpression app",
        "one weight\na pair of apps,\nadded up",
    )
    deep = (
        "Deep: AdaGrad",
        ("apps\ninstalled", f"vector\nof {DIMENSION}"),
        ("app\nshown", f"vector\nof {DIMENSION}"),
        ("visitor\ncountry …", f"vectors\nof {DIMENSION}"),
        ("numbers\nage …", "0 to 1\nquantiles"),
    )
    top = "σ ( wide logit + deep logit + one bias ) = P(install)\none log loss trains both parts"
    description = f"""
        Bottom to top. Left, the wide part: each pair of an installed app and the app shown has one weight; a row's
        weights are added up. Right, the deep part: installed apps, the app shown and what is known of the visitor
        become vectors of {DIMENSION} numbers; with the numbers, as quantiles, they lie side by side,
        {SIDE_BY_SIDE} in all, and go through ReLU layers of {UNITS[0]}, {UNITS[1]} and {UNITS[2]}. At the
        top both logits and one bias are added, and the sigmoid makes the probability of an install.
    """
    return model("The app store's model", description, wide, deep, SIDE_BY_SIDE, UNITS, top)


def store_truth() -> str:
    """How the planted store makes an install: four parts of one logit."""
    taste, app, phone = (148, 198), (366, 146), (532, 168)
    parts = box(taste[0], 20, taste[1], 68, "Person 0\nNG, television,\n24 years old")
    parts += box(app[0], 20, app[1], 68, "App\ntravel 1") + box(phone[0], 20, phone[1], 68, "On the phone\nphoto 6 …")
    parts += box(20, 142, 108, 76, f"Base\nfor all pairs\n{PAIR['base']}")
    parts += box(taste[0], 142, taste[1], 76, f"Taste · character\nmuch of it shared\n{PAIR['taste']}")
    parts += box(app[0], 142, app[1], 76, f"Popularity\nof this app\n{PAIR['popularity']}")
    parts += box(phone[0], 142, phone[1], 76, f"Rule\nof this pair alone\n{PAIR['rule']}")
    for x, width in (taste, app, phone):
        parts += arrow((x + width / 2, 88), (x + width / 2, 142))
    parts += arrow((385, 88), (310, 142)) + arrow((495, 88), (570, 142))
    for x in (138, 356, 522):
        parts += text(x, 180, "+", bold=True)
    for x in (74, 247, 439, 616):
        parts += line(x, 218, x, 246, thick=2)
    parts += line(73, 246, 617, 246, thick=2) + arrow((120, 246), (120, 280))
    parts += box(20, 280, 200, 54, f"Logit\nthe sum, {PAIR['logit']}")
    parts += box(260, 280, 200, 54, f"Probability\nσ({PAIR['logit']}) = {PAIR['truth']}")
    parts += box(500, 280, 200, 54, "Install\n1 or 0, by lot")
    parts += arrow((220, 307), (260, 307)) + arrow((460, 307), (500, 307))
    description = f"""
        Four boxes are added up to one logit. The base is the same for all pairs. Taste times character follows from the
        person and the app, the popularity from the app alone, and the rule from one app on the phone and the app.
        With person 0 and the app travel 1 they are {PAIR["base"]}, {PAIR["taste"]}, {PAIR["popularity"]} and
        {PAIR["rule"]}. The sum is {PAIR["logit"]}, the sigmoid makes the probability {PAIR["truth"]} of it, and the
        install is drawn with it.
    """
    return svg("How the store makes an install", description, 352, parts)


def rare_app() -> str:
    """What a model has of an app with many rows, and of one with few."""
    columns = [(20, 140), (160, 170), (330, 180), (510, 190)]
    heads = ("app", "wide part,\nof its own", "deep part,\nof its own", "both parts,\nshared")
    parts = []
    for (x, width), string in zip(columns, heads, strict=True):
        for i, words in enumerate(string.split("\n")):
            parts += text(x + width / 2, 28 + 22 * i, words, SMALL)
    table = []
    rows = [
        (64, ("travel 6", "2,383 rows"), True, ("its weight,", "its crosses"), ("its vector", "of 32 numbers")),
        (136, ("fitness 9", "15 rows"), False, ("id 0,", "no weight"), ("id 0,", "no vector")),
    ]
    shared = (("category,", "days since it came"), JOINT, True)
    for y, app, known, wide, deep in rows:
        row = ((app, GREY, True), (wide, WIDE, known), (deep, DEEP, known), shared)
        for (x, width), (strings, colour, on) in zip(columns, row, strict=True):
            table.append((x, y, width, 72, "", colour, on))
            for i, words in enumerate(strings):
                parts += text(x + width / 2, y + 25 + 23 * i, words, SMALL, bold=on and i == 0)
    description = """
        A table of two apps. Travel 6 has 2,383 rows in the log: the wide part has a weight for it and for its crosses,
        the deep part a vector of 32 numbers. Fitness 9 has 15 rows, fewer than the 20 that an id takes: its id is 0,
        and it has no weight and no vector of its own. What is left of it in both parts is shared with other apps: its
        category and the days since it came.
    """
    return svg("A well-known app and a rare one", description, 226, cells(*table) + parts)


def experiment_arms() -> str:
    """The experiment by lot, where a visit has one page, and the paired one, where it has all three."""
    models = [("wide", WIDE), ("deep", DEEP), ("joint", JOINT)]
    parts = panel(16, 16, 336, 336, "By lot") + panel(368, 16, 336, 336, "Paired")
    for left, everyone in ((16, False), (368, True)):
        parts += text(left + 64, 62, "visit", SMALL)
        for i, (name, colour) in enumerate(models):
            parts += text(left + 150 + 72 * i, 62, name, SMALL, bold=True, colour=colour)
        table = []
        for row, arm in enumerate(ARMS):
            y = 78 + 30 * row
            parts += text(left + 64, y + 13, f"{row + 1}", SMALL)
            for i, (_, colour) in enumerate(models):
                on = everyone or i == arm
                table.append((left + 118 + 72 * i, y, 64, 26, "page" if on else "", colour, on))
        parts += cells(*table)
    parts += text(184, 306, "Columns are compared:", SMALL) + text(184, 329, "each has other visitors.", SMALL)
    parts += text(536, 306, "Each row is compared:", SMALL) + text(536, 329, "the visitor is the same.", SMALL)
    description = """
        Two tables with a row a visit and a column a model, wide, deep and joint. Left, by lot: each visit has one page,
        in the column of its arm, so the columns that are compared hold other visitors. Right, paired: each visit has a
        page in all three columns, so that the pages are compared within a row, for one and the same visitor.
    """
    return svg("Three arms by lot, and three pages a visit", description, 368, parts)


def models_box(x: float, y: float, string: str) -> Parts:
    """A box for the three models, a dot each below its line."""
    parts = rectangle(x, y, 140, 88, TINT[GREY], GREY)
    parts += text(x + 70, y + 22, "Each model", bold=True) + text(x + 70, y + 44, string, SMALL)
    return parts + [part for i, c in enumerate((WIDE, DEEP, JOINT)) for part in dot(x + 44 + 26 * i, y + 68, c)]


def log_or_page() -> str:
    """Offline the rows are there before the model is; online the model makes them."""
    parts = panel(16, 16, 688, 152, "Offline: the rows are fixed")
    parts += panel(16, 184, 688, 196, "Online: the model makes the rows")
    columns = (32, 204, 376, 548)
    offline = (
        "Policy\nchose what\nwas shown",
        "Log\nrows and\nanswers",
        "on these rows",
        "AUC\non what the\npolicy liked",
    )
    online = (
        "Candidates\na hundred of\nall apps",
        "scores them",
        "Its page\nthe ten that\nit likes",
        "Answers\nto this page\nalone",
    )
    for y, strings, ours in ((56, offline, 376), (224, online, 204)):
        for x, string in zip(columns, strings, strict=True):
            parts += box(x, y, 140, 88, string) if x != ours else models_box(x, y, string)
        for x in columns[:-1]:
            parts += arrow((x + 140, y + 44), (x + 172, y + 44))
    parts += arrow((618, 312), (618, 346), (274, 346), (274, 312), dashed=True)
    parts += text(446, 362, "a real system learns from them", SMALL)
    description = """
        Two rows of boxes. Offline: a policy chose what was shown, the log holds these rows and the answers, each model
        scores the same rows, and the AUC is one on what the policy liked. Online: of a hundred candidates from all
        apps each model scores all, its page has the ten that it likes, and the answers are to this page alone. A
        dashed arrow leads from the answers back to the model: a real system learns from them.
    """
    return svg("Fixed rows offline, rows of its own online", description, 396, parts)


def time_order() -> str:
    """The rate and the split: a leaky way, and one that goes with time."""
    parts = []
    for y, title in ((16, "Leaky"), (184, "From the past")):
        parts += panel(16, y, 688, 152, title)
        parts += box(32, y + 66, 136, 44, "day before") + box(552, y + 66, 136, 44, "next day")
        held_out = RANDOM_ROWS if title == "Leaky" else range(16, 20)
        parts += cells(*((201 + 16 * i, y + 66, 13, 44, "", WIDE, i not in held_out) for i in range(20)))
    parts += arrow((207, 82), (207, 62), (511, 62), (511, 82), both=True)
    parts += text(360, 146, "the rate counts the whole log; some rows are held out by lot", SMALL)
    parts += arrow((100, 250), (100, 230), (271, 230), (271, 250))
    parts += text(296, 230, "the rate of an earlier day", SMALL, "start")
    parts += text(360, 314, "the log, its latest rows held out", SMALL)
    description = """
        Two time lines of the day before, the log and the next day. The log is a row of twenty cells, orange where the
        wide model is trained on it. Leaky: the rate is counted on the whole log and given to the same rows, and the
        four held-out cells, white, lie among the others at random. From the past: the rate comes from the day before,
        and the held-out cells are the last four.
    """
    return svg("A leaky rate with a random split, and the way that goes with time", description, 352, parts)


def place_bias() -> str:
    """Two ways in which an app gets an install: it stood high, or it is liked."""
    parts = box(20, 30, 170, 76, "Policy\nputs first what\nit believes in") + box(
        250, 30, 170, 76, "Place\nhigh or low\non the page"
    )
    parts += box(20, 190, 170, 76, "Worth\nof the app to\nthis visitor") + box(
        250, 190, 170, 76, "Liked\nwould install,\nif seen"
    )
    parts += box(480, 30, 220, 76, "Looked at\n1, 0.8, 0.64 …\nfrom the top down") + box(
        480, 190, 220, 76, "Install\nlooked at and liked:\nall that the log says"
    )
    parts += arrow((190, 68), (250, 68)) + arrow((420, 68), (480, 68)) + arrow((590, 106), (590, 190))
    parts += arrow((190, 228), (250, 228)) + arrow((420, 228), (480, 228))
    parts += arrow((105, 190), (105, 106), dashed=True) + text(114, 148, "what was seen of it before", SMALL, "start")
    description = """
        Two ways lead to an install. Above: the policy puts first what it believes in, so an app gets a place, and the
        place decides whether the app is looked at, with probability 1, 0.8, 0.64 and so on from the top down. Below:
        what the app is worth to the visitor decides whether it is liked. An install takes both, and is all that the log
        says. A dashed arrow: the policy believes what was seen of the app's worth before.
    """
    return svg("Two ways to an install", description, 296, parts)


FIGURES = [
    recommender,
    store_model,
    store_truth,
    rare_app,
    experiment_arms,
    log_or_page,
    time_order,
    place_bias,
]
