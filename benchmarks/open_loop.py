"""Requests that come at random at a given rate and wait for nobody, as in a store, and how long each takes."""

import queue
import threading
import time

import numpy as np


def open_loop(answer, requests, rate, workers, most_at_once=1, seed=0):
    """Milliseconds of each request from the moment it came, at a rate that waits for nobody.

    Args:
        answer: function of a list of at most `most_at_once` requests.
        requests: as many as shall come.
        rate: requests a second.
        workers: threads that call `answer`.
        most_at_once: requests that one call takes if so many wait.
        seed: of the moments.
    """
    seconds = len(requests) / rate
    moments = np.sort(
        np.random.default_rng(seed).uniform(0, seconds, len(requests))
    )  # a Poisson process of this length
    waiting = queue.Queue()
    taken = []

    def work():
        while True:
            batch = [waiting.get()]
            while len(batch) < most_at_once and batch[-1] is not None:
                try:
                    batch.append(waiting.get_nowait())
                except queue.Empty:
                    break
            if batch[-1] is None:  # the end, for each of the workers
                waiting.put(None)
                batch = [each for each in batch if each is not None]
            if batch:
                answer([request for _, request in batch])
                now = time.perf_counter()
                taken.extend(1000 * (now - came) for came, _ in batch)
            else:
                return

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    start = time.perf_counter()
    for moment, request in zip(start + moments, requests):
        time.sleep(max(0, moment - time.perf_counter()))
        waiting.put((moment, request))
    waiting.put(None)
    for thread in threads:
        thread.join()
    return taken
