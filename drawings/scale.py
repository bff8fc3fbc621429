"""Drawings of notebook 11: scale."""

from drawings.pieces import DEEP, GREY, SMALL, WIDE, arrow, box, cells, panel, svg, text

# ------------------------------------------------------------------------------ rows: files and counts


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


# ------------------------------------------------------------------------------------------- the time


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


FIGURES = [
    bounded_count,
    shuffle_buffer,
    table_pieces,
    parameter_servers,
]
