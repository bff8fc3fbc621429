"""Weak scaling's price: held-out log loss when the batch grows with the workers, with three rules for the rates.

    python -m benchmarks.batch_size --json benchmarks/batch_size.json

Workers that add up their gradients make the steps of one process whose batch is all of theirs (`distributed.py` shows
it), so one process is enough here. The model and the rows are those of `parameter_servers.py`, and so is the number of
passes: a batch k times as large makes a k-th of the steps. The file holds a list of records: 'workers' (k, of 256 rows
each), 'rule' of the rates ('same', 'root' of k times, 'k' times), 'steps', and 'log_loss', one a seed.
"""

import argparse
import pathlib

import wdl_helpers as wdl
from benchmarks.parameter_servers import ADAGRAD, BATCH, EPOCHS, FTRL, census
from benchmarks.results import write

import keras

RULES = {"same": lambda k: 1.0, "root": lambda k: k**0.5, "k": float}


def log_loss(data, start, workers, factor, seed):
    model, (inputs, labels), held_out = data
    keras.utils.set_random_seed(seed)
    model.set_weights(start)
    settings = [{**chosen, "learning_rate": factor * chosen["learning_rate"]} for chosen in (FTRL, ADAGRAD)]
    optimizer = wdl.joint_optimizer(wide=wdl.Ftrl(**settings[0]), deep=wdl.Adagrad(**settings[1]))
    wdl.train(model, inputs, labels, optimizer, epochs=EPOCHS, batch_size=BATCH * workers)
    return wdl.scores(held_out[1], wdl.predict(model, held_out[0]))["log loss"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--workers", default="1,2,4,8,16", help="numbers of workers, with commas between")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    data, records = census(), []
    start, n_rows = data[0].get_weights(), len(data[1][1])
    for workers in map(int, arguments.workers.split(",")):
        for rule, factor in RULES.items():
            if workers == 1 and rule != "same":
                continue  # all rules are the same
            found = [round(log_loss(data, start, workers, factor(workers), seed), 5) for seed in range(arguments.seeds)]
            steps = EPOCHS * -(-n_rows // (BATCH * workers))
            records.append({"workers": workers, "rule": rule, "steps": steps, "log_loss": found})
            print(records[-1], flush=True)
    write(arguments.json, records)


if __name__ == "__main__":
    main()
