"use strict";

/* The pictures: grids of pairs, points, and curves, each drawn anew into its canvas from plain arrays. */

const SIDE = 24;
const GAP = 0.35; // between music and travel, in cells
const MARGIN = 0.15; // around a grid, so that a frame at its edge is whole

const RAMPS = {
  light: {
    probability: ["#f3f1ec", "#8fa5b5", "#12273a"],
    weight: ["#5e3c99", "#ffffff", "#d55e00"],
    empty: "#b9b6ae", frame: "#d6246e", ink: "#1c2430", muted: "#5b6472", line: "#dedad2", surface: "#ffffff", paper: "#faf9f6",
    models: ["#d55e00", "#0072b2", "#009e73"],
  },
  dark: {
    probability: ["#202a37", "#76889b", "#f8f1e1"],
    weight: ["#b39ae6", "#202a37", "#ff8533"],
    empty: "#4d5a6b", frame: "#ff5c98", ink: "#ece9e2", muted: "#a3adba", line: "#344052", surface: "#1a212b", paper: "#12171f",
    models: ["#f0781e", "#2f9be0", "#12c08d"],
  },
};

let theme = null;

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** 256 colours from a ramp of three, as the pixels of an ImageData: 0xAABBGGRR. */
function steps(ramp) {
  const stops = ramp.map(channels);
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * 2;
    const low = Math.min(Math.floor(at), 1);
    const [r, g, b] = stops[low].map((c, k) => Math.round(c + (stops[low + 1][k] - c) * (at - low)));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

let colours = null;

function useTheme(name) {
  theme = RAMPS[name];
  colours = { probability: steps(theme.probability), weight: steps(theme.weight) };
}
useTheme("light");

const MOST = 3; // the weight at the ends of its scale
const between = (value, low, high) => Math.min(Math.max(value, low), high);
const colourOf = {
  probability: (p) => colours.probability[Math.round(255 * between(p, 0, 1))],
  weight: (w) => colours.weight[Math.round(127.5 * (1 + between(w / MOST, -1, 1)))],
};

/** The canvas' context, cleared, one unit a CSS pixel, and its size. */
function ready(canvas) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

const unit = (width) => width / (SIDE + GAP + 2 * MARGIN);
const edge = (i, cell) => (MARGIN + i + (i >= SIDE / 2 ? GAP : 0)) * cell;

/** The pair under a point of a grid's canvas. */
function pairAt(canvas, x, y) {
  const cell = unit(canvas.clientWidth);
  const index = (at) => {
    const before = at / cell - MARGIN;
    return Math.min(Math.max(Math.floor(before < SIDE / 2 + GAP / 2 ? before : before - GAP), 0), SIDE - 1);
  };
  return SIDE * index(y) + index(x);
}

const tiny = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE }); // a pixel a pair
const pixels = tiny.getContext("2d").createImageData(SIDE, SIDE);
const words = new Uint32Array(pixels.data.buffer);

/** The colours of all pairs at once: a picture of 24 × 24 pixels, enlarged a quarter at a time, for the gap. */
function paintColours(context, values, scale, cell) {
  const colour = colourOf[scale];
  for (let pair = 0; pair < words.length; pair++) words[pair] = colour(values[pair]);
  tiny.getContext("2d").putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  const half = SIDE / 2;
  for (const y of [0, half]) {
    for (const x of [0, half]) {
      context.drawImage(tiny, x, y, half, half, edge(x, cell), edge(y, cell), half * cell, half * cell);
    }
  }
}

const masks = new WeakMap();

/** What lies over the colours and changes only with the store: the lines, the smaller squares, the frames. */
function maskOf(canvas, kinds, scale, cell) {
  const known = masks.get(canvas);
  if (known && known.kinds === kinds && known.theme === theme && known.picture.width === canvas.width) return known.picture;
  const picture = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const context = picture.getContext("2d");
  const ratio = canvas.width / canvas.clientWidth;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const thin = cell > 7 ? 0.5 : 0.25;
  const hollow = scale === "weight"; // a pair that was never shown has no weight at all
  const corner = (pair) => [edge(pair % SIDE, cell), edge(Math.floor(pair / SIDE), cell)];
  const square = ([x, y], inset) => context.rect(x + inset, y + inset, cell - 2 * inset, cell - 2 * inset);
  for (let pair = 0; pair < SIDE * SIDE; pair++) {
    const never = kinds[pair] === 2;
    context.beginPath();
    square(corner(pair), -0.5);
    if (!(never && hollow)) square(corner(pair), never ? cell * 0.24 : thin);
    context.fillStyle = theme.paper;
    context.fill("evenodd");
    if (!never || !hollow) continue;
    context.beginPath();
    square(corner(pair), cell * 0.42);
    context.fillStyle = theme.empty;
    context.fill();
  }
  context.lineWidth = between(cell / 5.5, 1, 2.2);
  context.strokeStyle = theme.frame;
  context.beginPath();
  kinds.forEach((kind, pair) => kind === 1 && square(corner(pair), 0.4));
  context.stroke();
  masks.set(canvas, { kinds, theme, picture });
  return picture;
}

/**
 * A grid of the pairs: users are lines, apps are columns. A pair that was never shown is a smaller square, and an
 * exception has a frame. `scale` is 'probability' or 'weight', `cursor` the pair that is looked at.
 */
function drawGrid(canvas, values, kinds, scale, cursor) {
  const { context, width } = ready(canvas);
  const cell = unit(width);
  paintColours(context, values, scale, cell);
  context.drawImage(maskOf(canvas, kinds, scale, cell), 0, 0, width, width);
  const x = edge(cursor % SIDE, cell);
  const y = edge(Math.floor(cursor / SIDE), cell);
  context.lineWidth = 4.5;
  context.strokeStyle = theme.surface;
  context.strokeRect(x - 1.5, y - 1.5, cell + 3, cell + 3);
  context.lineWidth = 2;
  context.strokeStyle = theme.ink;
  context.strokeRect(x - 1.5, y - 1.5, cell + 3, cell + 3);
}

/** The two directions in which the lines of a matrix differ most, from where `before` left off: so nothing jumps. */
function twoDirections(rows, before) {
  const size = rows[0].length;
  const times = (v) => {
    const out = new Array(size).fill(0);
    for (const row of rows) {
      const dot = row.reduce((sum, value, i) => sum + value * v[i], 0);
      row.forEach((value, i) => (out[i] += dot * value));
    }
    return out;
  };
  const found = [];
  for (let k = 0; k < 2; k++) {
    let v = before?.[k] ?? Array.from({ length: size }, (_, i) => Math.cos(1 + i * (k + 1)));
    for (let turn = 0; turn < 12; turn++) {
      v = times(v);
      for (const other of found) {
        const dot = other.reduce((sum, value, i) => sum + value * v[i], 0);
        v = v.map((value, i) => value - dot * other[i]);
      }
      const length = Math.hypot(...v) || 1;
      v = v.map((value) => value / length);
    }
    found.push(v);
  }
  return found;
}

/** Each user's and each app's vector as a point of the plane: itself, or its first two principal components. */
function toPlane(vectors, size, before) {
  const rows = Array.from({ length: 2 * SIDE }, (_, i) => Array.from(vectors.subarray((i + 1) * size, (i + 2) * size)));
  if (size === 1) return { points: rows.map(([x], i) => [x, ((i % 12) - 5.5) / 60]), directions: null };
  if (size === 2) return { points: rows, directions: null };
  const centre = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
  const centred = rows.map((row) => row.map((value, i) => value - centre[i]));
  const directions = twoDirections(centred, before);
  const points = centred.map((row) => directions.map((v) => row.reduce((sum, value, i) => sum + value * v[i], 0)));
  return { points, directions };
}

/** Users as circles, apps as squares; who is about music is filled. The pair that is looked at is ringed. */
function drawPoints(canvas, points, colour, cursor) {
  const { context, width, height } = ready(canvas);
  const reach = 1.12 * points.flat().reduce((most, value) => Math.max(most, Math.abs(value)), 0.25);
  const scale = Math.min(width, height) / 2 / reach;
  const radius = Math.max(2.4, Math.min(width / 60, 5));
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(0, height / 2);
  context.lineTo(width, height / 2);
  context.moveTo(width / 2, 0);
  context.lineTo(width / 2, height);
  context.stroke();
  const looked = [Math.floor(cursor / SIDE), SIDE + (cursor % SIDE)];
  points.forEach(([px, py], i) => {
    const x = width / 2 + px * scale;
    const y = height / 2 - py * scale;
    context.beginPath();
    if (i < SIDE) context.arc(x, y, radius, 0, 7);
    else context.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
    context.fillStyle = i % SIDE < SIDE / 2 ? colour : theme.surface;
    context.globalAlpha = 0.85;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.6;
    context.strokeStyle = colour;
    context.stroke();
    if (!looked.includes(i)) return;
    context.beginPath();
    context.arc(x, y, radius + 4, 0, 7);
    context.lineWidth = 2;
    context.strokeStyle = theme.ink;
    context.stroke();
  });
}

/**
 * Curves over the epochs, one a model. `series` holds three arrays of as many values as `x`; `line` is a grey
 * dashed level.
 */
function drawCurves(canvas, { x, series, end, low, high, line }) {
  const { context, width, height } = ready(canvas);
  const left = 34;
  const right = 8;
  const top = 10;
  const bottom = 20;
  const toX = (value) => left + ((width - left - right) * value) / end;
  const toY = (value) => top + (height - top - bottom) * (1 - (Math.min(value, high) - low) / (high - low));
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = theme.muted;
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of [low, (low + high) / 2, high]) {
    context.beginPath();
    context.moveTo(left, toY(value));
    context.lineTo(width - right, toY(value));
    context.stroke();
    context.fillText(value.toFixed(2), left - 5, toY(value));
  }
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillText("0", left, height - 5);
  context.textAlign = "right";
  context.fillText(`${+end.toFixed(1)} epochs`, width - right, height - 5);
  context.setLineDash([5, 4]);
  context.strokeStyle = theme.muted;
  context.beginPath();
  context.moveTo(left, toY(line));
  context.lineTo(width - right, toY(line));
  context.stroke();
  context.setLineDash([]);
  series.forEach((values, i) => {
    context.strokeStyle = theme.models[i];
    context.lineWidth = i === 2 ? 3 : 2;
    context.lineJoin = "round";
    context.beginPath();
    values.forEach((value, k) => (k ? context.lineTo : context.moveTo).call(context, toX(x[k]), toY(value)));
    context.stroke();
  });
}
