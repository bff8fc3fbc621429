"use strict";

/* The page: what was set, the worker that trains, and the views, which are drawn anew when it has news. */

const trainer = wdlTrainer();
const element = (id) => document.getElementById(id);
const calmly = matchMedia("(prefers-reduced-motion: reduce)");
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const KINDS_SHOWN = [1, 2, 0]; // exceptions, never shown, usual
const TELLING = 557; // u23 × a5: in the first seed an exception that wide remembers, and deep gets clearly wrong

const state = {
  settings: { ...PAPER },
  clicks: {},
  store: null,
  constant: 0,
  perEpoch: 1,
  pair: 0, // the pair that is looked at
  run: 0, // the number of the training run; news of older ones is dropped
  step: 0,
  running: false,
  said: null, // what the models say: the worker's last news
  curves: [],
  before: null, // the errors of the run before, for the thin marks
  directions: [null, null],
  drawnEpoch: -1,
  curvesDrawn: "", // what the curves were drawn of
};

// ------------------------------------------------------------------------------------------------- training

const worker = startWorker();
let dirty = false;

worker.onmessage = ({ data }) => {
  if (data.run !== state.run) return;
  state.said = data.models;
  state.step = data.step;
  state.curves.push(...data.history);
  const stopped = state.running && !data.running;
  state.running = data.running;
  if (stopped || !data.running) keepLink();
  dirty = true;
};

worker.onerror = (event) => notice(`Training has stopped: ${event.message}`);

const speed = () => Number(document.querySelector("[name=speed]:checked").value);
const total = () => state.settings.epochs * state.perEpoch;

/** The step at which training stops: the end of the epochs that were asked for, or of as many again. */
const limit = () => (Math.floor(state.step / total()) + 1) * total();

/** Begin anew with the settings and clicks as they are; `at` steps are taken at once. */
function start({ at = 0, play = false } = {}) {
  const { settings, clicks } = state;
  if (state.said && state.step > 0) state.before = state.said.map((model) => model.errors);
  state.store = trainer.makeStore(settings, clicks);
  state.constant = trainer.constantError(state.store);
  state.perEpoch = trainer.makeBatches(state.store, settings.seed).perEpoch || 1;
  state.run += 1;
  state.step = 0;
  state.running = false;
  state.curves = [];
  state.directions = [null, null];
  state.drawnEpoch = -1;
  worker.postMessage({ command: "start", run: state.run, settings, clicks, at });
  showStore();
  showSettings();
  if (play) send("play");
  else keepLink();
}

function send(command) {
  const steps = { step: 1, epoch: state.perEpoch }[command];
  if (steps) worker.postMessage({ command: "advance", steps });
  else worker.postMessage({ command, speed: speed(), limit: limit() });
  if (command === "play") state.running = true;
  if (command === "pause") state.running = false;
  showTransport();
}

/** After a change of the store or of a setting: train again, if there was something trained. */
function changed() {
  const going = state.running || state.step > 0;
  start({ play: going });
}

// ----------------------------------------------------------------------------------------------------- link

let kept = "";

function keepLink() {
  kept = toLink(state.settings, state.clicks, state.running ? 0 : state.step);
  if (location.hash.slice(1) !== kept) history.replaceState(null, "", `#${kept}`);
}

function loadLink() {
  const { settings, clicks, at, problems } = fromLink(location.hash.slice(1));
  state.settings = settings;
  state.clicks = clicks;
  notice(problems.length ? `The link could not be followed in all: ${problems.join(" ")}` : "");
  start({ at });
  lookAtKind(1);
}

function notice(text) {
  element("notice").hidden = !text;
  element("notice").textContent = text;
}

// ----------------------------------------------------------------------------------------------- the store

function makeStoreGrid() {
  const lines = Array.from({ length: SIDE }, (_, user) => {
    const cells = Array.from({ length: SIDE }, (_, app) => {
      return `<span role="gridcell" id="cell-${SIDE * user + app}" data-pair="${SIDE * user + app}" tabindex="-1"></span>`;
    });
    return `<div role="row">${cells.join("")}</div>`;
  });
  element("grid").innerHTML = lines.join("");
}

function showStore() {
  const { kinds, truth } = state.store;
  for (let pair = 0; pair < kinds.length; pair++) {
    const cell = element(`cell-${pair}`);
    cell.className = `${truth[pair] > 0.5 ? "likely" : "unlikely"} kind-${kinds[pair]}`;
    cell.setAttribute("aria-label", describePair(pair, state.store));
  }
  lookAt(state.pair);
}

/** Look at a pair: every view marks it, and the panel tells of it. */
function lookAt(pair, focus = false) {
  const before = element(`cell-${state.pair}`);
  before.classList.remove("looked");
  before.tabIndex = -1;
  state.pair = pair;
  const cell = element(`cell-${pair}`);
  cell.classList.add("looked");
  cell.tabIndex = 0;
  if (focus) {
    cell.setAttribute("aria-label", describePair(pair, state.store, state.said));
    cell.focus({ preventScroll: true });
  }
  dirty = true;
}

/** Look at a pair of a kind: the first, or the one that was chosen because it shows the whole story. */
function lookAtKind(kind) {
  const { kinds } = state.store;
  const pair = kinds[TELLING] === kind ? TELLING : kinds.indexOf(kind);
  if (pair >= 0) lookAt(pair);
}

/** Usual → exception → never shown → usual. */
function clickPair(pair) {
  const kind = (state.store.kinds[pair] + 1) % 3;
  if (kind === trainer.drawnKinds(state.settings)[pair]) delete state.clicks[pair];
  else state.clicks[pair] = kind;
  lookAt(pair);
  changed();
}

function wireStore() {
  const grid = element("grid");
  const pairOf = (event) => event.target.dataset.pair;
  grid.addEventListener("pointerover", (event) => pairOf(event) && lookAt(Number(pairOf(event))));
  grid.addEventListener("click", (event) => pairOf(event) && clickPair(Number(pairOf(event))));
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  grid.addEventListener("keydown", (event) => {
    const inside = (i) => Math.min(Math.max(i, 0), SIDE - 1);
    let user = Math.floor(state.pair / SIDE);
    let app = state.pair % SIDE;
    if (event.key in moves) {
      user = inside(user + moves[event.key][0]);
      app = inside(app + moves[event.key][1]);
    } else if (event.key === "Home") app = 0;
    else if (event.key === "End") app = SIDE - 1;
    else if (event.key === "Enter" || event.key === " ") clickPair(state.pair);
    else return;
    event.preventDefault();
    event.stopPropagation();
    lookAt(SIDE * user + app, true);
  });
}

// ------------------------------------------------------------------------------------------------ settings

function makeSettings() {
  const places = {
    "store-settings": ["rows", "exceptions", "never"],
    "wide-settings": ["l1", "rate"],
    "deep-settings": ["adam", "size", "units", "times"],
  };
  for (const [place, names] of Object.entries(places)) element(place).innerHTML = names.map(slider).join("");
  element("store-settings").insertAdjacentHTML("beforeend", slider("epochs"));
  for (const name of Object.keys(SETTINGS)) {
    element(name).addEventListener("input", () => {
      state.settings[name] = SETTINGS[name].values[element(name).valueAsNumber];
      notice("");
      changed();
    });
  }
  element("new-seed").addEventListener("click", () => {
    state.settings.seed = (state.settings.seed + 1) % SEEDS;
    state.clicks = {};
    changed();
    lookAtKind(1);
  });
}

function slider(name) {
  const { label, values, help } = SETTINGS[name];
  return `<div class="setting"><label for="${name}">${label}</label><output for="${name}"></output>
    <input type="range" id="${name}" min="0" max="${values.length - 1}" step="1" aria-describedby="${name}-help">
    <small id="${name}-help">${help}</small></div>`;
}

function showSettings() {
  for (const [name, { values, show }] of Object.entries(SETTINGS)) {
    const input = element(name);
    const shown = show(state.settings[name]);
    input.value = values.indexOf(state.settings[name]);
    input.style.setProperty("--filled", `${(100 * input.value) / input.max}%`);
    input.setAttribute("aria-valuetext", shown);
    input.previousElementSibling.textContent = shown;
  }
  element("seed").textContent = state.settings.seed;
  let chosen = null;
  PRESETS.forEach((preset, i) => {
    const { seed } = state.settings;
    const same = toLink(state.settings, state.clicks) === toLink({ ...PAPER, ...preset.changes, seed }, {});
    element(`preset-${i}`).setAttribute("aria-pressed", same);
    if (same) chosen = preset;
  });
  element("watch").textContent = chosen ? chosen.watch : "Your own situation. “Copy link” keeps it.";
}

/** For the tour, which speaks of the paper's case alone. */
function playThePapersCase() {
  const { seed } = state.settings;
  const same = toLink(state.settings, state.clicks) === toLink({ ...PAPER, seed }, {});
  if (same && state.running) return;
  state.settings = { ...PAPER, seed };
  state.clicks = {};
  start({ play: true });
}

function makePresets() {
  element("presets").innerHTML = PRESETS.map((preset, i) => `<button id="preset-${i}">${preset.name}</button>`).join("");
  PRESETS.forEach((preset, i) => {
    element(`preset-${i}`).addEventListener("click", () => {
      state.settings = { ...PAPER, ...preset.changes, seed: state.settings.seed };
      state.clicks = {};
      notice("");
      start({ play: true });
      lookAtKind(state.settings.exceptions ? 1 : 2);
    });
  });
}

// --------------------------------------------------------------------------------------------------- views

const inSight = new Set(); // the canvases that are: no other is drawn
let resizes = 0;
const grids = [0, 1, 2].map((i) => element(`p${i}`));
const maps = { 0: element("w0"), 2: element("w2") };
const planes = { 1: element("v1"), 2: element("v2") };

function makeBars() {
  const line = (kind) => `<div class="error kind-${kind}"><span class="what">${["usual", "exceptions", "never shown"][kind]}</span>
    <span class="track"><i class="fill"></i><i class="constant"></i><i class="ghost" hidden></i></span><b></b></div>`;
  const column = (name) => `<div class="errors ${name}">${KINDS_SHOWN.map(line).join("")}</div>`;
  element("bars").innerHTML = ["wide", "deep", "joint"].map(column).join("");
}

const WIDEST = 0.6; // at the end of an error's track

function showBars() {
  const along = (value) => `${Math.min(100, (100 * value) / WIDEST)}%`;
  document.querySelectorAll("#bars .errors").forEach((column, i) => {
    KINDS_SHOWN.forEach((kind, k) => {
      const row = column.children[k];
      const error = state.said[i].errors[kind];
      const none = Number.isNaN(error);
      row.querySelector("b").textContent = none ? "none" : error.toFixed(3);
      row.querySelector(".fill").style.width = none ? "0" : along(error);
      row.querySelector(".constant").style.left = along(state.constant);
      row.classList.toggle("worse", error > state.constant);
      const ghost = row.querySelector(".ghost");
      ghost.hidden = !state.before || Number.isNaN(state.before[i][kind]);
      if (!ghost.hidden) ghost.style.left = along(state.before[i][kind]);
    });
  });
  element("ghost-help").hidden = !state.before;
}

function showPoints() {
  const { size } = state.settings;
  [1, 2].forEach((i, k) => {
    if (!inSight.has(planes[i])) return;
    const { points, directions } = toPlane(state.said[i].vectors, size, state.directions[k]);
    state.directions[k] = directions;
    drawPoints(planes[i], points, theme.models[i], state.pair);
  });
  const how = size > 2 ? `of ${size} numbers each, the two directions in which they differ most` : size === 2 ? "both numbers of each vector" : "one number each";
  element("points-help").textContent = `circles are users, squares apps; music is filled, travel hollow; ${how}`;
}

/** The curves, if one is in sight and they have grown: they grow four times an epoch. */
function showCurves() {
  const key = [state.run, state.curves.length, state.settings.epochs, resizes, theme.ink].join();
  if (key === state.curvesDrawn || !["c0", "c1", "c2", "c3"].some((id) => inSight.has(element(id)))) return;
  state.curvesDrawn = key;
  const x = state.curves.map((point) => point.step / state.perEpoch);
  const end = Math.max(state.settings.epochs, x.at(-1) ?? 0);
  const floor = trainer.logLoss(state.store, state.store.truth);
  const losses = [0, 1, 2].map((i) => state.curves.map((point) => point.loss[i]));
  drawCurves(element("c0"), { x, series: losses, end, low: 0.3, high: 0.7, line: floor });
  [1, 2, 0].forEach((kind, k) => {
    const series = [0, 1, 2].map((i) => state.curves.map((point) => point.errors[i][kind]));
    drawCurves(element(`c${k + 1}`), { x, series, end, low: 0, high: 0.6, line: state.constant });
  });
}

function showTransport() {
  const { running } = state;
  const button = element("play");
  button.classList.toggle("running", running);
  button.querySelector("span").textContent = running ? "Pause" : state.step && state.step % total() === 0 ? "Go on" : "Play";
  const goal = Math.max(state.settings.epochs, (Math.ceil(state.step / total()) * total()) / state.perEpoch);
  element("clock").textContent = (state.step / state.perEpoch).toFixed(1);
  element("of").textContent = `of ${goal} epochs`;
  element("done").style.width = `${(100 * state.step) / state.perEpoch / goal}%`;
}

/** What a screen reader says of the pictures. */
function describe() {
  const name = ["usual pairs", "exceptions", "pairs never shown"];
  const mean = (table, kind) => {
    const pairs = [...state.store.kinds.keys()].filter((pair) => state.store.kinds[pair] === kind);
    return pairs.length ? pairs.reduce((sum, pair) => sum + Math.abs(table[49 + pair]), 0) / pairs.length : 0;
  };
  state.said.forEach((model, i) => {
    const errors = KINDS_SHOWN.map((kind) => `${model.errors[kind].toFixed(2)} on ${name[kind]}`).join(", ");
    grids[i].setAttribute("aria-label", `Predictions of ${MODEL_NAMES[i]} for 24 users and 24 apps. Mean error ${errors}.`);
    if (maps[i]) {
      const sizes = [1, 0].map((kind) => `${mean(model.table, kind).toFixed(2)} on ${name[kind]}`).join(", ");
      maps[i].setAttribute("aria-label", `Cross weights of ${MODEL_NAMES[i]}. Mean size ${sizes}.`);
    }
    if (planes[i]) planes[i].setAttribute("aria-label", `Vectors of ${MODEL_NAMES[i]}: 24 users and 24 apps as points.`);
  });
  ["log loss", "error on exceptions", "error on pairs never shown", "error on usual pairs"].forEach((what, k) => {
    const now = state.said.map((m, i) => `${MODEL_NAMES[i]} ${(k ? m.errors[KINDS_SHOWN[k - 1]] : m.loss).toFixed(2)}`);
    element(`c${k}`).setAttribute("aria-label", `Curves of the ${what} over the epochs. Now: ${now.join(", ")}.`);
  });
}

function draw() {
  const { said, store, pair } = state;
  grids.forEach((canvas, i) => {
    if (inSight.has(canvas)) drawGrid(canvas, said[i].probabilities, store.kinds, "probability", pair);
  });
  for (const [i, canvas] of Object.entries(maps)) {
    if (inSight.has(canvas)) drawGrid(canvas, said[i].table.subarray(49), store.kinds, "weight", pair);
  }
  showPoints();
  showCurves();
  showBars();
  showPair(element("pair"), pair, store, said);
  showTransport();
  const text = sentence(state.step, said, state.constant, state.settings.l1);
  if (element("sentence").textContent !== text) element("sentence").textContent = text;
  if (!state.running) describe();
}

/** Draw when there is news; with reduced motion, while training, only once an epoch. */
function frame() {
  requestAnimationFrame(frame);
  if (!dirty || !state.said) return;
  const epoch = Math.floor(state.step / state.perEpoch);
  if (calmly.matches && state.running && epoch === state.drawnEpoch) return;
  state.drawnEpoch = epoch;
  dirty = false;
  draw();
}

// -------------------------------------------------------------------------------------------------- wiring

function wirePictures() {
  for (const canvas of document.querySelectorAll("canvas.grid")) {
    const look = (event) => {
      const box = canvas.getBoundingClientRect();
      lookAt(pairAt(canvas, event.clientX - box.left, event.clientY - box.top));
    };
    canvas.addEventListener("pointermove", look);
    canvas.addEventListener("pointerdown", look);
  }
  const resized = new ResizeObserver(() => {
    resizes += 1;
    dirty = true;
  });
  const seen = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) inSight[isIntersecting ? "add" : "delete"](target);
    dirty = true;
  });
  for (const canvas of document.querySelectorAll("canvas")) {
    resized.observe(canvas);
    seen.observe(canvas);
  }
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  useTheme(name);
  dirty = true;
}

/** The theme that was chosen here before, if the browser keeps such things for this page. */
function chosenTheme(name) {
  try {
    if (name) localStorage.setItem("wdl-theme", name);
    return localStorage.getItem("wdl-theme");
  } catch {
    return null;
  }
}

function wireTheme() {
  setTheme(chosenTheme() ?? (prefersDark.matches ? "dark" : "light"));
  prefersDark.addEventListener("change", () => chosenTheme() ?? setTheme(prefersDark.matches ? "dark" : "light"));
  element("theme").addEventListener("click", () => {
    const name = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    chosenTheme(name);
    setTheme(name);
  });
}

async function copyLink() {
  keepLink();
  const button = element("copy");
  const address = location.href;
  try {
    await navigator.clipboard.writeText(address);
    button.textContent = "Copied";
  } catch {
    notice(`Copy this address: ${address}`);
  }
  setTimeout(() => (button.textContent = "Copy link"), 1500);
}

function wireControls() {
  const toggle = () => send(state.running ? "pause" : "play");
  const reset = () => start();
  const controls = { play: toggle, reset, step: () => send("step"), epoch: () => send("epoch"), copy: copyLink };
  for (const [id, action] of Object.entries(controls)) element(id).addEventListener("click", action);
  for (const input of document.querySelectorAll("[name=speed]")) {
    input.addEventListener("change", () => state.running && send("play"));
  }
  const keys = { " ": toggle, r: reset, s: controls.step, e: controls.epoch };
  addEventListener("keydown", (event) => {
    const busy = event.target.closest("button, input, a") || event.ctrlKey || event.metaKey || event.altKey;
    if (busy || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
  addEventListener("hashchange", () => location.hash.slice(1) !== kept && loadLink());
}

wireTheme();
makeStoreGrid();
makeSettings();
makePresets();
makeBars();
makePairPanel(element("pair"), () => clickPair(state.pair));
wireStore();
wirePictures();
wireControls();
makeTour(element("card"), element("tour"), { lookAtKind, playThePapersCase });
loadLink();
requestAnimationFrame(frame);
