"""Drawings of notebook 9: scale."""

from drawings.pieces import DEEP, SMALL, WIDE, arrow, box, panel, svg, text


def parameter_servers():
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
        Two servers at the top hold half of the ids each, one the even and one the odd: weights of the wide
        part, vectors of the deep part, and the optimizer's slots of both. Three workers at the bottom have
        batches of their own rows. Each is joined to both servers: it fetches the table's rows for the ids of
        its batch and sends their gradients back, without waiting for another.
    """
    return svg("Parameter servers and workers", description, 402, parts)


FIGURES = [parameter_servers]
