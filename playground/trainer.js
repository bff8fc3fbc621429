"use strict";

/*
 * The course's mathematics, in float64: the small store whose truth is known, and the three models that learn from it.
 *
 *   makeStore ─► rows of the log ─► makeModel("wide" | "deep" | "joint") ─► step(rows) ─► predict()
 *
 * All of it is one function without anything from outside, because a page that is opened from a folder may not load a
 * worker from a file: worker.js starts one from this function's own text.
 */
function wdlTrainer() {
  const N = 24; // users, and apps
  const PAIRS = N * N;
  const USUAL = 0;
  const EXCEPTION = 1;
  const NEVER = 2;
  const BATCH = 128;
  // The wide part's ids: 0 is none, then the users, the apps, and a cross for each pair.
  const USERS = 1;
  const APPS = USERS + N;
  const CROSSES = APPS + N;
  const IDS = CROSSES + PAIRS;
  // Streams of random numbers, so that a change of one thing leaves the others as they are.
  const STREAM = { kinds: 1, labels: 2, weights: 3, order: 4 };

  // ------------------------------------------------------------------------------------------ random numbers

  /** Mix whole numbers into one of 32 bits. */
  function hash(...numbers) {
    let h = 0x9e3779b9;
    for (const number of numbers) {
      h = Math.imul(h ^ number, 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      h = (h ^ (h >>> 16)) + 0x6d2b79f5;
    }
    return h >>> 0;
  }

  /** A generator of uniform numbers in [0, 1): mulberry32. */
  function generator(...seed) {
    let state = hash(...seed);
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  /** The numbers 0 to n − 1 in random order: Fisher and Yates. */
  function permutation(n, random) {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      const kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
    return order;
  }

  // ------------------------------------------------------------------------------------------------ the store

  /** The kind of each pair as the seed and the two sliders give it, before any click. */
  function drawnKinds({ seed, exceptions, never }) {
    const order = permutation(PAIRS, generator(seed, STREAM.kinds));
    const kinds = new Uint8Array(PAIRS);
    order.subarray(0, never).forEach((pair) => (kinds[pair] = NEVER));
    order.subarray(PAIRS - exceptions).forEach((pair) => (kinds[pair] = EXCEPTION));
    return kinds;
  }

  /**
   * The store: each pair's kind and true probability, and the log, a pair and a label a row.
   * A fitting pair is installed with probability 0.8, another with 0.1; an exception has the other's.
   * A pair's labels depend on the seed and on the pair alone, so a click changes no other pair's rows.
   */
  function makeStore(settings, clicks = {}) {
    const kinds = drawnKinds(settings);
    for (const [pair, kind] of Object.entries(clicks)) kinds[pair] = kind;
    const truth = Float64Array.from(kinds, (kind, pair) => {
      const fits = pair < PAIRS / 2 === pair % N < N / 2;
      return fits !== (kind === EXCEPTION) ? 0.8 : 0.1;
    });
    const installs = new Uint32Array(PAIRS);
    const shown = Uint32Array.from(kinds, (kind) => (kind === NEVER ? 0 : settings.rows));
    const pairs = [];
    const labels = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      const random = generator(settings.seed, STREAM.labels, pair);
      for (let row = 0; row < shown[pair]; row++) {
        const label = random() < truth[pair] ? 1 : 0;
        pairs.push(pair);
        labels.push(label);
        installs[pair] += label;
      }
    }
    return { kinds, truth, shown, installs, pairs: Uint16Array.from(pairs), labels: Uint8Array.from(labels) };
  }

  // ----------------------------------------------------------------------------------------------- optimizers
  // A gradient comes with each id's pieces already added up.

  /** FTRL-Proximal (McMahan et al. 2013, algorithm 1) with Keras' defaults: n starts at 0.1, β = 0, no L2. */
  function makeFtrl(w, rate, l1) {
    const n = new Float64Array(w.length).fill(0.1);
    const z = new Float64Array(w.length);
    return (gradient, ids) => {
      for (const i of ids) {
        const g = gradient[i];
        const grown = n[i] + g * g;
        const sigma = (Math.sqrt(grown) - Math.sqrt(n[i])) / rate;
        z[i] += g - sigma * w[i];
        n[i] = grown;
        w[i] = Math.abs(z[i]) <= l1 ? 0 : (-(z[i] - Math.sign(z[i]) * l1) * rate) / Math.sqrt(n[i]);
      }
    };
  }

  /** Adam (Kingma and Ba 2015, algorithm 1) with Keras' ε of 1e-7; every weight moves in every step. */
  function makeAdam(w, rate) {
    const m = new Float64Array(w.length);
    const v = new Float64Array(w.length);
    let t = 0;
    return (gradient) => {
      t += 1;
      const corrected = (rate * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t);
      for (let i = 0; i < w.length; i++) {
        m[i] += 0.1 * (gradient[i] - m[i]);
        v[i] += 0.001 * (gradient[i] * gradient[i] - v[i]);
        w[i] -= (corrected * m[i]) / (Math.sqrt(v[i]) + 1e-7);
      }
    };
  }

  // --------------------------------------------------------------------------------------------------- models

  const sigmoid = (z) => 1 / (1 + Math.exp(-z));

  /** The deep part's first weights, drawn as Keras draws them: uniform in ±0.05, and Glorot's uniform. */
  function firstWeights({ seed, size, units }) {
    const random = generator(seed, STREAM.weights);
    const uniform = (n, limit) => Float64Array.from({ length: n }, () => (2 * random() - 1) * limit);
    return {
      vectors: uniform((1 + 2 * N) * size, 0.05), // id 0, then the users, then the apps
      kernel: uniform(2 * size * units, Math.sqrt(6 / (2 * size + units))), // a line an input
      offsets: new Float64Array(units),
      output: uniform(units, Math.sqrt(6 / (units + 1))),
    };
  }

  /** The wide part: the logit of a pair is the sum of its user's, its app's and its cross's weight. */
  function makeWidePart(store, settings) {
    const table = new Float64Array(IDS);
    const gradient = new Float64Array(IDS);
    const update = makeFtrl(table, settings.rate, settings.l1);
    let touched = new Set();
    const cross = (pair) => (store.shown[pair] ? CROSSES + pair : 0); // a pair that the log lacks has no weight
    const ids = (pair) => [USERS + Math.floor(pair / N), APPS + (pair % N), cross(pair)];
    return {
      table,
      logit: (pair) => table[USERS + Math.floor(pair / N)] + table[APPS + (pair % N)] + table[cross(pair)], // table[0] is 0
      collect(pair, g) {
        for (const id of ids(pair)) {
          if (!id) continue;
          gradient[id] += g;
          touched.add(id);
        }
      },
      update() {
        update(gradient, touched);
        touched.forEach((id) => (gradient[id] = 0));
        touched = new Set();
      },
    };
  }

  /** The deep part: the user's and the app's vector side by side, one hidden layer of ReLU, a logit without a bias. */
  function makeDeepPart(settings) {
    const { size, units } = settings;
    const weights = firstWeights(settings);
    const { vectors, kernel, offsets, output } = weights;
    const parts = Object.values(weights).map((w) => {
      const gradient = new Float64Array(w.length);
      return { gradient, update: makeAdam(w, settings.adam) };
    });
    const [gVectors, gKernel, gOffsets, gOutput] = parts.map((part) => part.gradient);
    const inputs = new Float64Array(2 * size); // the user's vector, then the app's
    const gInputs = new Float64Array(2 * size);
    const activations = new Float64Array(units);

    const userAt = (pair) => (USERS + Math.floor(pair / N)) * size;
    const appAt = (pair) => (APPS + (pair % N)) * size;
    function logit(pair) {
      const user = userAt(pair);
      const app = appAt(pair);
      for (let i = 0; i < size; i++) {
        inputs[i] = vectors[user + i];
        inputs[size + i] = vectors[app + i];
      }
      let sum = 0;
      for (let j = 0; j < units; j++) {
        let a = offsets[j];
        for (let i = 0; i < 2 * size; i++) a += inputs[i] * kernel[i * units + j];
        activations[j] = Math.max(a, 0);
        sum += activations[j] * output[j];
      }
      return sum;
    }
    return {
      weights,
      logit,
      /** Add a row's gradient; `logit` of the same pair must have been the last call. */
      collect(pair, g) {
        gInputs.fill(0);
        for (let j = 0; j < units; j++) {
          gOutput[j] += g * activations[j];
          if (activations[j] <= 0) continue;
          const back = g * output[j];
          gOffsets[j] += back;
          for (let i = 0; i < 2 * size; i++) {
            gKernel[i * units + j] += back * inputs[i];
            gInputs[i] += back * kernel[i * units + j];
          }
        }
        const user = userAt(pair);
        const app = appAt(pair);
        for (let i = 0; i < size; i++) {
          gVectors[user + i] += gInputs[i];
          gVectors[app + i] += gInputs[size + i];
        }
      },
      update() {
        for (const part of parts) {
          part.update(part.gradient);
          part.gradient.fill(0);
        }
      },
    };
  }

  /**
   * A model of a kind, 'wide', 'deep' or 'joint': the sum of its parts' logits and of one bias, one log loss.
   * The bias belongs to the deep part's optimizer, if there is a deep part.
   */
  function makeModel(kind, store, settings) {
    const wide = kind === "deep" ? null : makeWidePart(store, settings);
    const deep = kind === "wide" ? null : makeDeepPart(settings);
    const parts = [wide, deep].filter(Boolean);
    const bias = new Float64Array(1);
    const biasGradient = new Float64Array(1);
    const moveBias = deep ? makeAdam(bias, settings.adam) : makeFtrl(bias, settings.rate, settings.l1);
    const logit = (pair) => parts.reduce((sum, part) => sum + part.logit(pair), bias[0]);
    return {
      kind,
      wide,
      deep,
      bias,
      /** One step on a batch: rows of the log, whose mean log loss goes down. */
      step(rows) {
        for (const row of rows) {
          const pair = store.pairs[row];
          const g = (sigmoid(logit(pair)) - store.labels[row]) / rows.length;
          for (const part of parts) part.collect(pair, g);
          biasGradient[0] += g;
        }
        for (const part of parts) part.update();
        moveBias(biasGradient, [0]);
        biasGradient[0] = 0;
      },
      /** What the parts and all of it say of each pair. */
      predict() {
        const of = (part) => Float64Array.from({ length: PAIRS }, (_, pair) => (part ? part.logit(pair) : 0));
        const wideLogits = of(wide);
        const deepLogits = of(deep);
        const logits = wideLogits.map((z, pair) => z + deepLogits[pair] + bias[0]);
        return { wideLogits, deepLogits, logits, probabilities: logits.map(sigmoid) };
      },
    };
  }

  // ------------------------------------------------------------------------------------------------- training

  /** The mean log loss of the log, in nats, of one probability for each pair. */
  function logLoss(store, probabilities) {
    let sum = 0;
    for (let pair = 0; pair < PAIRS; pair++) {
      const p = Math.min(Math.max(probabilities[pair], 1e-15), 1 - 1e-15);
      sum -= store.installs[pair] * Math.log(p) + (store.shown[pair] - store.installs[pair]) * Math.log(1 - p);
    }
    return store.labels.length ? sum / store.labels.length : NaN;
  }

  /** The mean error of the probability for each kind of pair: usual, exception, never shown. NaN without such a pair. */
  function errorsByKind(store, probabilities) {
    const sums = [0, 0, 0];
    const counts = [0, 0, 0];
    store.kinds.forEach((kind, pair) => {
      sums[kind] += Math.abs(probabilities[pair] - store.truth[pair]);
      counts[kind] += 1;
    });
    return sums.map((sum, kind) => sum / counts[kind]);
  }

  /** The error of saying the log's share of installs for every pair. */
  function constantError(store) {
    const share = store.labels.length ? store.labels.reduce((a, b) => a + b, 0) / store.labels.length : 0.5;
    return store.truth.reduce((sum, p) => sum + Math.abs(p - share), 0) / PAIRS;
  }

  /** The rows of step number `step`, counted from 0: each epoch has a random order of its own. */
  function makeBatches(store, seed) {
    const n = store.labels.length;
    const perEpoch = Math.ceil(n / BATCH);
    let known = -1;
    let order = null;
    const rowsOf = (step) => {
      const epoch = Math.floor(step / perEpoch);
      if (epoch !== known) order = permutation(n, generator(seed, STREAM.order, epoch));
      known = epoch;
      return order.subarray((step % perEpoch) * BATCH, (step % perEpoch + 1) * BATCH);
    };
    return { perEpoch, rowsOf };
  }

  /** Three models side by side on the same rows in the same order; deep alone may take several steps for each one. */
  function makeSession(settings, clicks = {}) {
    const store = makeStore(settings, clicks);
    const models = ["wide", "deep", "joint"].map((kind) => makeModel(kind, store, settings));
    const batches = makeBatches(store, settings.seed);
    const deepBatches = makeBatches(store, settings.seed);
    const every = Math.max(1, Math.round(batches.perEpoch / 4));
    const session = { store, models, perEpoch: batches.perEpoch, step: 0, history: [], advance, measure };

    function measure() {
      return models.map((model) => {
        const said = model.predict();
        const errors = errorsByKind(store, said.probabilities);
        return { ...said, errors, loss: logLoss(store, said.probabilities), bias: model.bias[0] };
      });
    }
    function note() {
      const measured = measure();
      session.history.push({ step: session.step, loss: measured.map((m) => m.loss), errors: measured.map((m) => m.errors) });
    }
    function advance(steps = 1) {
      if (!batches.perEpoch) return; // no pair is shown: there is nothing to learn from
      for (let i = 0; i < steps; i++) {
        const rows = batches.rowsOf(session.step);
        models[0].step(rows);
        models[2].step(rows);
        for (let j = 0; j < settings.times; j++) models[1].step(deepBatches.rowsOf(session.step * settings.times + j));
        session.step += 1;
        if (session.step % every === 0) note();
      }
    }
    note();
    return session;
  }

  return {
    N, PAIRS, USUAL, EXCEPTION, NEVER, BATCH, USERS, APPS, CROSSES,
    drawnKinds, makeStore, firstWeights, makeModel, makeBatches, makeSession, logLoss, errorsByKind, constantError,
  };
}
