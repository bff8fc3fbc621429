"""A simulated log of offers in a shop, with the traps that files of one's own have: for notebook 12.

offers ─► a data frame as a CSV file would hold it
"""

from wide_deep.checks import check_whole

import numpy as np
import pandas as pd

__all__ = ["offers"]

COUNTRIES = {"DK": 0.4, "FI": 0.25, "NA": 0.15, "SE": 0.2}  # NA is Namibia
DEVICES = ["phone", "laptop", "tablet"]
# A shelf of the shop → words by which people search for it.
WORDS = {
    "shoes": ["running", "leather", "sneakers", "boots"],
    "books": ["novel", "poems", "atlas", "comic"],
    "garden": ["spade", "seeds", "hose", "rake"],
    "kitchen": ["pan", "knife", "kettle", "bowl"],
    "music": ["guitar", "strings", "drum", "vinyl"],
    "toys": ["puzzle", "train", "kite", "blocks"],
}
LOG_PRICE = {"shoes": 4.2, "books": 2.6, "garden": 3.0, "kitchen": 3.3, "music": 3.8, "toys": 2.9}  # on average
COMMON_WORDS = ["new", "cheap", "gift", "small"]
SHELVES = list(WORDS)
OFFERS_EACH = 16  # a customer, on average
N_DAYS = 120
FIRST_DAY = pd.Timestamp("2025-09-01")


def _make_customers(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Those who are shown offers. `taste` (customers, shelves) stays hidden, in the columns taste_…."""
    customers = pd.DataFrame(
        {
            "customer": [f"{number:05d}" for number in rng.permutation(10 * n)[:n]],
            "country": rng.choice(list(COUNTRIES), n, p=list(COUNTRIES.values())),
            "born": rng.integers(1945, 2008, n),
            "day": np.where(rng.random(n) < 0.7, rng.integers(-2_000, 0, n), rng.integers(0, N_DAYS, n)),
            "spent": np.round(np.exp(rng.normal(4, 1, n)), 2),
            "loyalty": rng.normal(0, 1, n),
        }
    )
    customers.loc[rng.random(n) < 0.35, "spent"] = np.nan  # never bought anything
    taste = rng.normal(0, 1, (n, len(SHELVES)))  # (customers, shelves)
    return customers.join(pd.DataFrame(taste, columns=[f"taste_{shelf}" for shelf in SHELVES]))


def _search(rng: np.random.Generator, shelves: np.ndarray, fits: np.ndarray) -> list[str]:
    """What each customer has typed: a common word, and words of the offer's shelf or of another."""
    texts = []
    for shelf, fitting in zip(shelves, fits, strict=True):
        wanted = shelf if fitting else rng.integers(len(SHELVES))
        words = rng.choice(WORDS[SHELVES[wanted]], rng.integers(1, 3), replace=False).tolist()
        texts.append(" ".join(rng.permutation([*words, rng.choice(COMMON_WORDS)])))
    return texts


def offers(n_rows: int = 20_000, seed: int = 0) -> pd.DataFrame:
    """A log of offers that were shown to a shop's customers, the earliest first.

    What there is to find: some countries like some shelves, which takes a cross; searches that fit the offer; evenings;
    prices; gaps where somebody never bought anything. What there is to trip over: numbers that are names, a country
    'NA', customers with several rows, and a column that is only filled in afterwards.

    Args:
        n_rows: how many, at least 100.
        seed: of the random numbers.

    Returns:
        Data frame: customer and country (text), born (year), registered and time (text), spent (last year, NaN if
        nothing), device, shelf and search (text), price, bought (0 or 1), delivery (text, only of what was bought).

    Raises:
        ValueError: n_rows is not a whole number of at least 100.

    Taught in: notebook 12, "Read the file".

    Example:
        >>> offers(n_rows=100)[["customer", "country", "shelf"]].head(1).to_dict("list")
        {}
    """
    check_whole("n_rows", n_rows, 100)
    rng = np.random.default_rng(seed)
    customers = _make_customers(rng, n_rows // OFFERS_EACH)
    rows = customers.iloc[rng.integers(len(customers), size=n_rows)].reset_index(drop=True)
    shelves = rng.integers(len(SHELVES), size=n_rows)
    fits = rng.random(n_rows) < 0.3
    first = rows["day"].clip(lower=0) * 24 * 60  # minute from which a customer can come
    minutes = first + (rng.random(n_rows) * (N_DAYS * 24 * 60 - first)).astype(int)
    times = FIRST_DAY + pd.to_timedelta(minutes, unit="min")
    is_evening = times.dt.hour >= 18
    dearer = rng.normal(0, 0.5, n_rows)  # than others of the shelf, in logarithms
    price = np.round(np.exp(np.array(list(LOG_PRICE.values()))[shelves] + dearer), 2)

    country = rows["country"].map(list(COUNTRIES).index).to_numpy()
    likes = np.random.default_rng(7).normal(0, 1, (len(COUNTRIES), len(SHELVES)))  # the same in each log
    taste = rows.filter(like="taste_").to_numpy()[np.arange(n_rows), shelves]  # (rows,)
    spent = np.log(rows["spent"].fillna(1)) / 4  # 0 for nothing
    logit = -3.6 + 1.4 * likes[country, shelves] + 0.7 * taste + rows["loyalty"] + 1.2 * fits + 0.6 * is_evening
    logit += 0.5 * spent - 0.5 * dearer
    bought = (rng.random(n_rows) < 1 / (1 + np.exp(-logit))).astype(int)

    log = rows[["customer", "country", "born", "spent"]].copy()
    log["registered"] = (FIRST_DAY + pd.to_timedelta(rows["day"], unit="D")).dt.strftime("%Y-%m-%d")
    log["time"] = times.dt.strftime("%Y-%m-%d %H:%M")
    log["device"] = rng.choice(DEVICES, n_rows, p=[0.6, 0.3, 0.1])
    log["shelf"] = np.array(SHELVES)[shelves]
    log["search"] = _search(rng, shelves, fits)
    log["price"] = price
    log["bought"] = bought
    log["delivery"] = np.where(bought == 1, rng.choice(["1 day", "2 days", "3 days"], n_rows), "")
    return log.sort_values("time", kind="stable", ignore_index=True)
