"""Drawings of notebook 11: scale."""

from collections.abc import Callable

from drawings.pieces import DEEP, GREY, JOINT, SMALL, WIDE, arrow, box, cells, line, panel, svg, text

# ------------------------------------------------------------------------------ rows: files and counts


def _shard(title: str, description: str, lit: Callable[[str, int], bool], note: str) -> str:
    """The frame that comes back: a Parquet file, its columns across and its row groups down; some cells are lit."""
    columns, parts, table = ("age", "education", "sex", "income"), [], []
    for j, column in enumerate(columns):
        parts += text(265 + 118 * j, 66, column, SMALL)
        for i in range(5):
            height = 30 if i < 4 else 14
            table.append((206 + 118 * j, 84 + 34 * i, 118, height, "", GREY, lit(column, i)))
    for i in range(4):
        parts += text(112, 99 + 34 * i, f"row group {i + 1}", SMALL)
    parts += text(442, 34, "one shard: columns across, rows down", bold=True) + text(112, 227, "the rest", SMALL)
    return svg(title, description, 290, parts + cells(*table) + text(360, 262, note, SMALL))


def shard_columns() -> str:
    """What a count reads of a Parquet file: two columns."""
    description = """
        A Parquet file as a grid: columns across, among them age, education, sex and income, and row groups down. The
        two columns education and sex are lit from top to bottom. To count pairs of them, nothing else is read.
    """
    note = "To count education × sex, these two columns are read."
    return _shard("A count reads two columns", description, lambda column, i: column in ("education", "sex"), note)


def shard_groups() -> str:
    """What a stream reads of a Parquet file: one row group after the other."""
    description = """
        The same Parquet file as a grid of columns and row groups. Now one row group is lit in all its columns: a
        stream draws such groups by lot and reads each of them as a whole.
    """
    note = "A stream reads a row group at a time, in an order drawn by lot."
    return _shard("A stream reads row groups", description, lambda column, i: i == 2, note)


def bounded_count() -> str:
    """Counting with a table that may spill to disk, and the vocabulary that it leaves."""
    parts, table = [], []
    for i in range(4):
        parts += box(24, 34 + 52 * i, 96, 40, f"part {i}")
        parts += arrow((120, 54 + 52 * i), (160, 54 + 52 * i), (160, 132), (208, 132))
    parts += panel(208, 58, 216, 148, "a table of counts", GREY) + box(248, 246, 136, 48, "disk")
    for i, (name, count) in enumerate((("HS-grad, Male", "7111"), ("Some-college, Male", "4485"), ("…", "…"))):
        parts += text(220, 110 + 25 * i, name, 15, "start") + text(412, 110 + 25 * i, count, 15, "end")
    parts += text(316, 189, "memory has a limit", SMALL) + arrow((316, 206), (316, 246), both=True)
    parts += text(400, 270, "spill what does not fit", SMALL, "start") + arrow((424, 132), (486, 132))
    parts += text(455, 116, "sort", SMALL)
    for i, name in enumerate(("unknown", "HS-grad, Male", "Some-college, Male", "…")):
        table += [(486, 66 + 34 * i, 36, 34, str(i), GREY, True), (522, 66 + 34 * i, 180, 34, "", GREY, False)]
        parts += text(532, 83 + 34 * i, name, 15, "start")
    parts += text(594, 44, "vocabulary", bold=True)
    parts += text(72, 256, "read piece", SMALL) + text(72, 278, "by piece", SMALL)
    description = """
        Four parts of the rows on the left are read piece by piece. In the middle a table of counts grows: education
        and sex with how many rows have both. Its memory has a limit, and what does not fit spills to disk and comes
        back. On the right the vocabulary that it leaves, the most frequent name first, with its id.
    """
    return svg("Counting with a bounded memory", description, 316, [*cells(*table), *parts])


# --------------------------------------------------------------------------------- rows: while it trains


def shuffle_buffer() -> str:
    """Row groups drawn by lot into a buffer, mixed there, and given out as batches."""
    parts, table = [], []
    for i in range(8):
        drawn, y = i in (1, 4, 6), 62 + 28 * i
        table.append((40, y, 120, 26, f"{50 * i} to {50 * i + 49}", GREY, drawn))
        if drawn:
            parts += arrow((160, y + 13), (292, 120 + 27 * (i - 1)))
    parts += panel(292, 82, 166, 196, "buffer", GREY)
    rows = (213, 58, 342, 331, 94, 206, 71, 318, 249, 66, 305, 237)
    for k, row in enumerate(rows):
        parts += text(325 + 50 * (k % 3), 128 + 36 * (k // 3), str(row), SMALL)
    for i in range(3):
        batch = ", ".join(map(str, rows[3 * i : 3 * i + 3])) + ", …"
        table.append((530, 96 + 58 * i, 168, 40, batch, GREY, False))
        parts += arrow((458, 116 + 58 * i), (530, 116 + 58 * i))
    for x, title in ((100, "row groups"), (375, "mixed"), (614, "batches")):
        parts += text(x, 36, title, bold=True)
    parts += text(360, 312, "Only rows that are in the buffer together can meet.", SMALL)
    description = """
        On the left row groups of fifty rows each. Three of them, drawn by lot, go into a buffer in the middle, where
        their rows are mixed. On the right the rows leave the buffer as batches, each with rows of several groups.
    """
    return svg("How a buffer shuffles row groups", description, 338, parts + cells(*table))


def read_ahead() -> str:
    """Reading the next piece while the model trains on the last."""
    parts = text(24, 62, "read and", SMALL, "start") + text(24, 84, "look up", SMALL, "start")
    parts += text(24, 142, "train", SMALL, "start") + text(24, 190, "time", SMALL, "start")
    for i in range(4):
        x = 120 + 150 * i
        parts += box(x, 50, 66, 44, str(i + 1))
        if i < 3:
            parts += box(x + 150, 120, 138, 44, f"piece {i + 1}", JOINT) + arrow(
                (x + 66, 72), (x + 136, 72), (x + 158, 119)
            )
    parts += arrow((120, 190), (700, 190))
    parts += text(360, 24, "While the model trains on one piece, the next is made ready.", SMALL)
    description = """
        Two lanes over time. In the upper one the pieces one to four are read and looked up, each in a short box. In
        the lower one the model trains on piece one, two and three in longer boxes without a gap, each while the next
        piece is read above it.
    """
    return svg("Reading ahead of the training", description, 216, parts)


# ------------------------------------------------------------------------------------------- the time


def mirrored_workers() -> str:
    """Two workers with half of a batch each: the gradients are added, and both make the same step."""
    parts = text(360, 30, "one batch, cut in two", bold=True)
    for x, name, rows in ((40, "worker 0", "first half"), (440, "worker 1", "second half")):
        parts += arrow((360, 46), (x + 120, 46), (x + 120, 76))
        parts += box(x, 76, 240, 44, rows) + arrow((x + 120, 120), (x + 120, 152))
        parts += box(x, 152, 240, 62, f"{name}\nthe whole model", JOINT)
        parts += arrow((x + 120, 214), (x + 120, 246)) + box(x, 246, 240, 44, "its gradients")
        side = x + 240 if x < 360 else x
        parts += arrow((side, 268), (332 if x < 360 else 388, 268), both=True)
        parts += arrow((x + 120, 290), (x + 120, 334)) + box(x, 334, 240, 44, "the same step", JOINT)
    parts += text(360, 268, "+", 26, bold=True)
    parts += text(360, 402, "Each waits here for the other, so both models stay the same.", SMALL)
    description = """
        A batch is cut in two halves, one for each of two workers, and each worker has the whole model. Each computes
        gradients of its half. The gradients of both are added up, so each must wait for the other, and both make the
        same step.
    """
    return svg("Two workers add up gradients", description, 426, parts)


# ------------------------------------------------------------------------------------------ the tables


def table_pieces() -> str:
    """A table in two pieces: where the rows of a batch's ids lie, and what they hold."""
    parts, table = [], []
    parts += text(24, 44, "ids of the batch", SMALL, "start") + text(24, 130, "piece 0", SMALL, "start")
    parts += text(24, 230, "piece 1", SMALL, "start")
    for k, number in enumerate((7, 2, 7)):
        table.append((190 + 64 * k, 24, 52, 40, str(number), GREY, True))
    for piece, y in ((0, 110), (1, 210)):
        for place in range(5):
            number = 2 * place + piece
            on = number in (2, 7)
            x = 120 + 118 * place
            table.append((x, y, 104, 40, str(10 * number), WIDE, on))
            parts += text(x + 52, y + 58, f"id {number}", SMALL, bold=on)
    parts += text(410, 44, "id 7 → piece 1, place 3", SMALL, "start") + text(
        410, 68, "id 2 → piece 0, place 1", SMALL, "start"
    )
    parts += text(360, 306, "Even ids lie in piece 0, odd ones in piece 1; places are counted from 0.", SMALL)
    description = """
        A table of ten rows lies in two pieces: the even ids in piece 0, the odd ones in piece 1. A batch has the ids
        7, 2 and 7. Lit are the two cells that it needs: id 7 in piece 1 on place 3, with 70, and id 2 in piece 0 on
        place 1, with 20. All other cells stay where they are.
    """
    return svg("Where the rows of a batch lie", description, 332, parts + cells(*table))


def parameter_servers() -> str:
    """Tables in pieces on servers, rows with the workers."""
    parts = []
    servers, workers = (150, 420), (40, 265, 490)
    for x, half in zip(servers, ("even ids", "odd ids"), strict=True):
        parts += panel(x - 50, 16, 250, 132, "Server")
        parts += box(x - 38, 52, 108, 52, "weights\nand slots", WIDE)
        parts += box(x + 80, 52, 108, 52, "vectors\nand slots", DEEP)
        parts += text(x + 75, 126, half, SMALL)
    for x in workers:
        parts += box(x, 262, 190, 64, "Worker\na batch of rows")
        for server in servers:
            parts += arrow((x + 95 + (server - 285) / 8, 262), (server + 75 + (x - 265) / 8, 148), both=True)
    parts += text(360, 354, "Down: the table's rows for the ids of the batch. Up: their gradients.", SMALL)
    parts += text(360, 378, "No worker waits for another.", SMALL)
    description = """
        Two servers at the top hold half of the ids each, one the even and one the odd: weights of the wide part,
        vectors of the deep part, and the optimizer's slots of both. Three workers at the bottom have batches of their
        own rows. Each is joined to both servers: it fetches the table's rows for the ids of its batch and sends their
        gradients back, without waiting for another.
    """
    return svg("Parameter servers and workers", description, 402, parts)


def smaller_tables() -> str:
    """Hashing, and remainder and quotient: which rows two ids share."""
    parts, table = [], []
    for x, title in ((70, "ids"), (290, "hashing"), (566, "remainder and quotient")):
        parts += text(x, 34, title, bold=True)
    for number, y in ((3, 96), (7, 236)):
        table.append((40, y, 60, 44, str(number), GREY, True))
    for i in range(4):
        table.append((236, 72 + 58 * i, 108, 44, "weight" if i == 2 else "", WIDE, i == 2))
        table.append((450, 72 + 58 * i, 80, 44, f"r = {i}", WIDE, i == 3))
    for i in range(2):
        table.append((620, 100 + 116 * i, 80, 44, f"q = {i}", WIDE, True))
    parts += arrow((100, 118), (236, 204)) + arrow((100, 258), (236, 216))
    parts += line(530, 262, 620, 124) + line(530, 272, 620, 238)
    parts += text(290, 320, "one weight for both", SMALL)
    parts += (
        text(566, 320, "r is shared, q is not: r + q", SMALL)
        + text(660, 86, "id 3", SMALL)
        + text(660, 202, "id 7", SMALL)
    )
    description = """
        Two ids, 3 and 7. Under hashing into four buckets both point at the same weight, if they meet in a bucket. With
        remainder and quotient by four there are two small tables. Both ids have the remainder 3, but id 3 has the
        quotient 0 and id 7 the quotient 1: they share one row and differ in the other, and the two are added.
    """
    return svg("Two ways to shrink a table", description, 346, parts + cells(*table))


FIGURES = [
    shard_columns,
    shard_groups,
    bounded_count,
    shuffle_buffer,
    read_ahead,
    mirrored_workers,
    table_pieces,
    parameter_servers,
    smaller_tables,
]
