"""Drawings of notebook 10: production."""

from drawings.pieces import DEEP, GREY, JOINT, SMALL, WIDE, arrow, box, cells, panel, svg, text


def pipeline() -> str:
    """The paper's figure 3."""
    columns = {"Data": 16, "Training": 254, "Serving": 492}
    parts = []
    for title, x in columns.items():
        parts += panel(x, 16, 212, 356, title)
    left, middle, right = (x + 16 for x in columns.values())
    parts += box(left, 56, 180, 76, "Store's log\napps shown, with\ninstalled or not")
    parts += box(left, 168, 180, 76, "Vocabularies\nstring to id,\nnumber to quantile")
    parts += box(left, 280, 180, 76, "Training rows\nids, numbers, label")
    parts += box(middle, 280, 180, 76, "Training\nboth parts jointly,\none loss", JOINT)
    parts += box(middle, 168, 180, 76, "Previous model\nvectors and\nlinear weights", JOINT)
    parts += box(right, 280, 180, 76, "Gate\ndry run against the\nprevious model")
    parts += box(right, 168, 180, 76, "Servers\nscore candidates,\nsome milliseconds", JOINT)
    parts += box(right, 56, 180, 76, "App store\nshows the first")
    parts += arrow((left + 90, 132), (left + 90, 168)) + arrow((left + 90, 244), (left + 90, 280))
    parts += arrow((left + 180, 318), (middle, 318)) + arrow((middle + 180, 318), (right, 318))
    parts += arrow((right + 90, 280), (right + 90, 244)) + arrow((right + 90, 168), (right + 90, 132))
    parts += arrow((right, 206), (middle + 180, 206))
    parts += arrow((middle + 90, 244), (middle + 90, 280)) + text(middle + 98, 262, "warm start", SMALL, "start")
    parts += arrow((right, 94), (left + 180, 94)) + text(middle + 90, 80, "the next day", SMALL)
    description = """
        Three columns. Data: the log of the store gives vocabularies and quantiles, and with them training rows of
        ids, numbers and a label. Training: the rows train both parts jointly, and training starts warm, from the
        previous model's vectors and linear weights. Serving: the new model passes a gate, servers score candidates
        with it, the app store shows the first of them, and what happens goes into the log of the next day.
    """
    return svg("From the log to the server and back", description, 388, parts)


def life() -> str:
    """What happens to a model after its first training."""
    left, middle, right = 20, 270, 520
    parts = box(left, 28, 180, 80, "Training\nboth parts jointly", JOINT)
    parts += box(middle, 28, 180, 80, "Export\nfeatures, network\nin one folder", JOINT)
    parts += box(right, 28, 180, 80, "Gate\ndry run against the\nmodel that serves")
    parts += box(right, 280, 180, 80, "Serving\nraw columns in,\nprobabilities out", JOINT)
    parts += box(middle, 280, 180, 80, "A new day\nnew rows,\nnew values")
    parts += box(left, 280, 180, 80, "Warm start\nold ids, weights\nand slots are kept", JOINT)
    parts += arrow((left + 180, 68), (middle, 68)) + arrow((middle + 180, 68), (right, 68))
    parts += arrow((right + 140, 108), (right + 140, 280)) + text(right + 132, 236, "passes", SMALL, "end")
    parts += box(middle, 160, 180, 60, "Rejected\nthe old one stays")
    parts += arrow((right + 40, 108), (right + 40, 190), (middle + 180, 190))
    parts += text(right + 48, 150, "fails", SMALL, "start")
    parts += arrow((right, 320), (middle + 180, 320)) + arrow((middle, 320), (left + 180, 320))
    parts += arrow((left + 90, 280), (left + 90, 108))
    description = """
        A loop. Training makes a model. Export puts its features and its network into one folder. A gate compares it
        with the model that serves: if it fails, the old one serves on; if it passes, it serves. A new day brings new
        rows and new values. A warm start keeps the old ids, weights and optimizer slots, and training goes on.
    """
    return svg("The life of a model", description, 388, parts)


def two_folders() -> str:
    """What the two folders of a model hold, and whom each is for."""
    parts = panel(16, 16, 336, 316, "serving") + panel(368, 16, 336, 316, "training")
    parts += box(40, 52, 288, 80, "Features, as operations\nnames, lookup tables,\nquantiles", JOINT)
    parts += box(40, 148, 288, 58, "Network, as operations\nwith its weights", JOINT)
    parts += box(392, 52, 288, 80, "features.json\nvocabularies, crosses,\nboundaries", JOINT)
    parts += box(392, 148, 288, 58, "model.keras\nnetwork, weights, optimizer", JOINT)
    for x, lines in (
        (184, ("raw columns in,", "probabilities out:", "TensorFlow alone")),
        (536, ("ids and numbers in:", "Keras and our helpers,", "to train on")),
    ):
        parts += arrow((x, 206), (x, 240))
        for i, words in enumerate(lines):
            parts += text(x, 256 + 25 * i, words, SMALL)
    description = """
        Two folders. The folder serving holds the features as operations, with names, lookup tables and quantiles,
        and the network as operations with its weights; raw columns go in, probabilities come out, and TensorFlow
        alone is needed. The folder training holds features.json, with vocabularies, crosses and boundaries, and
        model.keras, with network, weights and optimizer; ids and numbers go in, and Keras and our helpers are
        needed to train on.
    """
    return svg("A folder to serve and a folder to train on", description, 348, parts)


def one_request() -> str:
    """What becomes of each column of a request with unseen and missing values."""
    columns = [(20, 150), (170, 140), (310, 190), (500, 200)]
    heads = ("column", "sent", "wide part", "deep part")
    rows = [
        ("education", "11th", "id 91: a weight", "id 36: a vector", True),
        ("occupation", "Astronaut", "id 0: nothing", "id 0: no vector", False),
        ("native-country", "empty", "id 0: nothing", "id 0: no vector", False),
        ("age", "NaN", "id 0: nothing", "the median: 37", False),
    ]
    parts, table = [], []
    for (x, width), string in zip(columns, heads, strict=True):
        parts += text(x + width / 2, 32, string, SMALL, bold=True)
    for i, (*strings, known) in enumerate(rows):
        for (x, width), string, colour in zip(columns, strings, (GREY, GREY, WIDE, DEEP), strict=True):
            on = colour == GREY or known or "median" in string
            table.append((x, 52 + 40 * i, width, 40, "", colour, on))
            parts += text(x + width / 2, 72 + 40 * i, string, SMALL)
    parts += arrow((405, 212), (405, 250), colour=WIDE) + text(396, 230, "wide logit", SMALL, "end")
    parts += arrow((600, 212), (600, 250), colour=DEEP) + text(610, 230, "deep logit", SMALL, "start")
    parts += box(310, 250, 390, 44, "σ(wide + deep + bias)", JOINT)
    description = """
        A table of four of the columns of a request. Education, 11th, has id 91 and a weight in the wide part, id 36
        and a vector in the deep part. The occupation Astronaut and the empty country have id 0 in both: no weight
        and no vector. The age is missing: id 0 in the wide part, the median, 37, in the deep part. Both logits and
        the bias are added, and the sigmoid makes the probability.
    """
    return svg("A request with gaps, column by column", description, 312, cells(*table) + parts)


def pieces_on_cores() -> str:
    """A request of 200 rows on two cores: in one piece, in two, and in four."""
    parts = []
    settings = (("1 × 200", ("200",), ()), ("2 × 100", ("100",), ("100",)), ("4 × 50", ("50", "50"), ("50", "50")))
    for i, (title, *lanes) in enumerate(settings):
        left = 16 + 232 * i
        parts += panel(left, 16, 224, 216, title)
        for j, lane in enumerate(lanes):
            y = 54 + 66 * j
            parts += text(left + 40, y + 24, f"core {j + 1}", SMALL)
            table = []
            for k, string in enumerate(lane):
                width = 136 if title == "1 × 200" else 82 if len(lane) == 1 else 47
                table.append((left + 76 + (width + 6) * k, y, width, 48, string, JOINT, True))
            parts += cells(*table) if lane else text(left + 144, y + 24, "idle", SMALL)
        parts += arrow((left + 76, 188), (left + 212, 188)) + text(left + 144, 208, "time", SMALL)
    description = """
        Three panels with two cores each. In one piece the 200 rows keep core 1 busy for long, and core 2 is idle.
        In two pieces of 100 both cores work, and are done in six tenths of the time. In four pieces of
        50 each core has two of them to do, which together take a little longer than one piece of 100.
    """
    return svg("200 rows in one, two and four pieces", description, 248, parts)


def grown_table() -> str:
    """The deep part's table before and after a new day: old rows keep their place, new ones follow."""
    old = [("1", "capital-loss=0"), ("2", "capital-gain=0"), ("…", "…"), ("299", "native-country=Holand-Netherlands")]
    new = [("300", "occupation=Tech-support"), ("…", "…"), ("309", "capital-loss=3004")]
    parts = text(60, 34, "id", SMALL, bold=True) + text(250, 34, "value", SMALL, bold=True)
    parts += text(505, 34, "day 1", SMALL, bold=True) + text(632, 34, "day 2", SMALL, bold=True)
    table = []
    for i, (name, value) in enumerate(old + new):
        y, known = 54 + 34 * i, i < len(old)
        parts += text(60, y + 17, name, SMALL) + text(250, y + 17, value, SMALL)
        if known:
            table.append((455, y, 100, 34, "vector", DEEP, True))
        table.append((582, y, 100, 34, "vector" if known else "new", DEEP, known))
        if known:
            parts += arrow((555, y + 17), (582, y + 17), colour=DEEP)
    description = """
        The deep part's table. On day 1 it has the ids 1 to 299, from capital-loss=0 to
        native-country=Holand-Netherlands, each with its vector. On day 2 arrows carry each vector to the same row,
        and the new values, from occupation=Tech-support with id 300 to capital-loss=3004 with id 309, follow below
        with new vectors.
    """
    return svg("A table that grows by the values of a new day", description, 308, cells(*table) + parts)


def three_starts() -> str:
    """What each way of starting keeps of yesterday: weights, FTRL's z and n, and AdaGrad's sums."""
    columns = [(20, 120), (140, 120), (260, 140), (400, 120), (520, 180)]
    heads = (
        ("way", ""),
        ("weights", "of both parts"),
        ("z of FTRL", "wide part"),
        ("n of FTRL", "wide part"),
        ("sums of AdaGrad", "deep part"),
    )
    rows = (
        ("new", ("kept", True), ("0", False), ("starts anew", False), ("start anew", False)),
        ("seeded", ("kept", True), ("from weight", True), ("starts anew", False), ("start anew", False)),
        ("carried", ("kept", True), ("kept", True), ("kept", True), ("kept", True)),
    )
    parts, table = [], []
    for (x, width), (first, second) in zip(columns, heads, strict=True):
        parts += text(x + width / 2, 30, first, SMALL, bold=True)
        parts += text(x + width / 2, 53, second, SMALL) if second else []
    for i, (name, *row) in enumerate(rows):
        y = 74 + 44 * i
        parts += text(80, y + 22, name, bold=True)
        for (x, width), (string, on), colour in zip(columns[1:], row, (JOINT, WIDE, WIDE, DEEP), strict=True):
            table.append((x, y, width, 44, "", colour, on))
            parts += text(x + width / 2, y + 22, string, SMALL)
    description = """
        A table of three ways to start. In all three the weights are kept. With a new optimizer FTRL's z is 0, and
        its n and AdaGrad's sums start anew. Seeded: z is computed from the weight, and n and the sums start anew.
        Carried: z, n and the sums are kept as well.
    """
    return svg("Three ways to start, and what each keeps", description, 226, cells(*table) + parts)


def gate() -> str:
    """The questions of the gate in their order, and which broken candidate falls at which."""
    questions = (
        (20, "Usable?\nscores from\n0 to 1"),
        (200, "Change\nof the scores\nat most 0.036"),
        (380, "Rise\nof the log loss\nat most 0.004"),
    )
    parts = box(560, 24, 140, 84, "Live\ngood", JOINT)
    for x, string in questions:
        parts += box(x, 24, 140, 84, string)
        parts += arrow((x + 140, 66), (x + 180, 66)) + text(x + 160, 50, "yes", SMALL)
    parts += arrow((90, 108), (90, 160)) + text(98, 132, "no", SMALL, "start")
    parts += arrow((270, 108), (270, 160)) + arrow((450, 108), (450, 160))
    parts += text(278, 132, "no", SMALL, "start") + text(458, 132, "no", SMALL, "start")
    parts += box(20, 160, 140, 84, "Refused\na NaN") + box(
        200, 160, 320, 84, "Refused, on both counts\nshuffled vocabulary,\none logit missing"
    )
    description = """
        Three questions in a row. Are the scores numbers from 0 to 1? The candidate with a NaN is refused here. Do
        the scores change by at most 0.036 in the mean, and does the log loss rise by at most 0.004? The candidates
        with a shuffled vocabulary and with one logit missing are refused on both counts. The good candidate passes
        and goes live.
    """
    return svg("The gate and its four candidates", description, 262, parts)


FIGURES = [pipeline, life, two_folders, one_request, pieces_on_cores, grown_table, three_starts, gate]
