"use strict";

/*
 * What can be set, the presets, and the link that holds all of it.
 *
 *   settings, clicks, step ─► toLink ─► #l1=0&clicks=3.17e&at=960 ─► fromLink
 *
 * A link names only what differs from the paper's case.
 */

const KIND_NAMES = ["usual", "exception", "never shown"];
const KIND_LETTERS = "uen";
const MODEL_NAMES = ["Wide", "Deep", "Wide & Deep"];

const percent = (pairs) => `${pairs} · ${((100 * pairs) / 576).toFixed(pairs < 58 ? 1 : 0)}%`;
const plain = (value) => String(value);
const range = (from, to, by) => Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, i) => from + i * by);

/** Name → label, allowed values, the paper's case, and how a value is shown and explained. */
const SETTINGS = {
  rows: {
    label: "Each pair was shown", values: [1, 2, 3, 5, 10, 20, 40], start: 20,
    show: (value) => (value === 1 ? "once" : `${value} times`),
    help: "Rows of the log for each pair, but for those never shown.",
  },
  exceptions: {
    label: "Exceptions", values: range(0, 80, 1), start: 20, show: percent,
    help: "Pairs that break the rule of the groups.",
  },
  never: {
    label: "Never shown", values: range(0, 400, 10), start: 170, show: percent,
    help: "Pairs of which the log holds no row.",
  },
  l1: {
    label: "L1", values: [0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1], start: 0.3, show: plain,
    help: "The price of a wide weight: one that is not worth it stays exactly 0.",
  },
  rate: {
    label: "FTRL's rate", values: [0.1, 0.3, 1, 3, 10], start: 3, show: plain,
    help: "FTRL trains the wide part: how far its weights move in a step.",
  },
  adam: {
    label: "Adam's rate", values: [0.001, 0.003, 0.01, 0.03, 0.1], start: 0.01, show: plain,
    help: "Adam trains the deep part: how far its weights move in a step.",
  },
  size: {
    label: "Embedding size", values: [1, 2, 4, 8, 16], start: 4, show: plain,
    help: "How many numbers describe a user or an app: its vector.",
  },
  units: {
    label: "Hidden units", values: [2, 4, 8, 16, 32, 64], start: 16, show: plain,
    help: "Neurons between the two vectors and the logit.",
  },
  times: {
    label: "Deep alone trains", values: [1, 3, 10], start: 1, show: (value) => (value === 1 ? "as long" : `${value}× as long`),
    help: "Its steps for each step of the two others.",
  },
  epochs: {
    label: "Stop after", values: [5, 15, 30, 60], start: 15, show: (value) => `${value} epochs`,
    help: "An epoch sees the whole log once.",
  },
};

const PAPER = Object.fromEntries(Object.entries(SETTINGS).map(([name, setting]) => [name, setting.start]));
PAPER.seed = 0;
const SEEDS = 10_000;

const PRESETS = [
  {
    name: "The paper's case", changes: {},
    watch: "The argument of Cheng et al. (2016), in small: which model gets the framed pairs right, which one the small squares – and which one both?",
  },
  {
    name: "No exceptions", changes: { exceptions: 0 },
    watch: "With nothing to memorize, deep alone is enough: see how nearly all of the joint model’s cross weights (a cross is one user with one app) stay at 0.",
  },
  {
    name: "Nothing hidden", changes: { never: 0 },
    watch: "With rows for every pair, memory is nearly enough: watch how much of the gap between wide and the joint model is left.",
  },
  {
    name: "No L1", changes: { l1: 0 },
    watch: "Weights are free: the crosses of wide & deep (one user with one app) take over a part of the rule for the pairs that were shown. The deep part then has less error left to learn the rule from, and the rule is all that a small square has.",
  },
  {
    name: "Few rows", changes: { rows: 2 },
    watch: "Two rows say little: no pair earns a weight of its own. Wide’s shorter bar on exceptions is not memory: it says 30 to 60% of most pairs, and a guess near the middle is never far off.",
  },
  {
    name: "Deep, ten times as long", changes: { times: 10 },
    watch: "With ten times the steps, deep learns most exceptions by heart at last – and forgets how to fill the gaps.",
  },
];

/** The part of a link after #, for settings, clicks (pair → kind) and the number of steps taken. */
function toLink(settings, clicks, at = 0) {
  const parts = Object.keys(PAPER)
    .filter((name) => settings[name] !== PAPER[name])
    .map((name) => `${name}=${settings[name]}`);
  const changed = Object.entries(clicks).map(
    ([pair, kind]) => `${Math.floor(pair / 24)}.${pair % 24}${KIND_LETTERS[kind]}`,
  );
  if (changed.length) parts.push(`clicks=${changed.join("_")}`);
  if (at) parts.push(`at=${at}`);
  return parts.join("&");
}

/** A link's settings, clicks and steps, and a sentence about each thing in it that cannot be used. */
function fromLink(text) {
  const settings = { ...PAPER };
  const clicks = {};
  const problems = [];
  let at = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    const number = value === "" ? NaN : Number(value);
    if (name === "clicks") {
      for (const click of value.split("_")) {
        const [, user, app, letter] = /^(\d+)\.(\d+)([uen])$/.exec(click) ?? [];
        if (letter && user < 24 && app < 24) clicks[24 * user + Number(app)] = KIND_LETTERS.indexOf(letter);
        else problems.push(`“${click}” is no pair; expected something like 3.17e.`);
      }
    } else if (name === "at") {
      if (Number.isInteger(number) && number >= 0 && number <= 50_000) at = number;
      else problems.push(`at=${value}: expected a number of steps up to 50000.`);
    } else if (name === "seed") {
      if (Number.isInteger(number) && number >= 0 && number < SEEDS) settings.seed = number;
      else problems.push(`seed=${value}: expected a whole number below ${SEEDS}.`);
    } else if (!(name in SETTINGS)) {
      problems.push(`There is no setting “${name}”.`);
    } else if (SETTINGS[name].values.includes(number)) {
      settings[name] = number;
    } else {
      const { values } = SETTINGS[name];
      const expected = values.length < 12 ? values.join(", ") : `${values[0]} to ${values.at(-1)} by ${values[1] - values[0]}`;
      problems.push(`${name}=${value}: expected ${expected}.`);
    }
  }
  return { settings, clicks, at, problems };
}

/** What is going on, in a few sentences, from the three models' errors: usual, exception, never shown. */
function sentence(step, models, constant, l1) {
  if (step === 0) return "Nothing has been trained yet: every model says 50% for every pair. Press play.";
  const [wide, deep, joint] = models.map((model) => model.errors);
  const good = 0.15;
  const bad = 0.25;
  const says = [];
  if (!(wide[1] < bad) && !(wide[0] < good)) says.push("Wide has found little that is worth a weight.");
  else if (wide[2] > constant) says.push("Wide knows the pairs it was shown; where it was shown nothing, it is worse than giving every pair the same probability.");
  else if (wide[2] > bad) says.push("Wide knows the pairs it was shown, and has nothing to say about the others.");
  else says.push("Wide has learned the pairs it was shown.");
  const groups = Number.isNaN(deep[2]) ? "Deep has found the two groups" : "Deep has found the two groups and fills the gaps";
  if (deep[0] > bad) says.push("Deep has not found the two groups yet.");
  else if (Number.isNaN(deep[1])) says.push(`${groups}.`);
  else if (deep[1] > bad) says.push(`${groups}; it is still wrong about the exceptions.`);
  else if (deep[2] > 0.1) says.push("Deep has found the two groups, then learned exceptions by heart, and its gaps have suffered.");
  else says.push("Deep has found the two groups, and learned exceptions by heart.");
  if (joint[0] > bad) says.push("Together they have only begun.");
  else if (joint[1] > bad) says.push("Together they follow the rule, but not its exceptions.");
  else if (joint[1] > 0.1) says.push("Together they follow the rule, and are learning its exceptions.");
  else if (joint[2] > 0.075) {
    const why = l1 === 0 ? ": without a price, the crosses took over a part of the rule, and left the deep part less error to learn it from" : "";
    says.push(`Together they are right about what they saw, but the gaps have suffered${why}.`);
  } else says.push("Together they are right about all of it.");
  return says.join(" ");
}
