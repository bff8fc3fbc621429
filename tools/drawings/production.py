"""Drawings of notebook 8: production."""

from drawings.pieces import JOINT, SMALL, arrow, box, panel, svg, text


def pipeline():
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


def life():
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


FIGURES = [pipeline, life]
