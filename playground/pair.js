"use strict";

/* The panel at the bottom: the pair that is looked at, its truth, what each model says of it, and how that adds up. */

const inFull = (value) => `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
const inPercent = (p) => `${Math.round(100 * p)}%`;
const NEXT_KIND = ["Make exception", "Hide it", "Make usual"];
const LOGITS = 6; // at the ends of the scale

const nameOf = (pair) => `u${Math.floor(pair / 24)} × a${pair % 24}`;
const tasteOf = (pair) => `${pair < 288 ? "music" : "travel"} user, ${pair % 24 < 12 ? "music" : "travel"} app`;

/** One line for screen readers, and for the store's cells. */
function describePair(pair, store, said) {
  const kind = KIND_NAMES[store.kinds[pair]];
  const models = said ? said.map((m, i) => `${MODEL_NAMES[i]} ${inPercent(m.probabilities[pair])}`).join(", ") : "";
  return `${nameOf(pair)}, ${tasteOf(pair)}, ${kind}, truth ${inPercent(store.truth[pair])}${models && `; ${models}`}`;
}

/** How a model's logit adds up, in words: "user + app + pair + bias = logit", and for wide & deep first its wide part. */
function sumsOf(model, i, pair) {
  const sum = (terms, look) => terms.map(([name, value]) => `<span class="${look ?? name}">${name} <b>${inFull(value)}</b></span>`).join(" + ");
  const { table } = model;
  const weights = table && [
    ["user", table[1 + Math.floor(pair / 24)]],
    ["app", table[25 + (pair % 24)]],
    ["pair", table[49 + pair]],
  ];
  const wide = ["wide", model.wideLogits[pair]];
  const deep = ["deep", model.deepLogits[pair]];
  const bias = ["bias", model.bias];
  const terms = [[...(weights ?? []), bias], [deep, bias], [wide, deep, bias]][i];
  const total = `<span class="line">${sum(terms)} <em class="logit">= <i></i>logit <b>${inFull(model.logits[pair])}</b></em></span>`;
  return i === 2 ? `<span class="line">${sum(weights, "inside")} = wide,</span> ${total}` : total;
}

/** Fill the panel's frame once; `onChange` is called when its button is pressed. */
function makePairPanel(panel, onChange) {
  const cell = (i) => `
    <div class="said ${["wide", "deep", "joint"][i]}">
      <p class="model">${MODEL_NAMES[i]}</p>
      <div class="rows"><strong class="p">50%</strong>
        <div class="scale" aria-hidden="true"><i class="value"></i><i class="truth"></i></div>
        <div class="marks" aria-hidden="true"><span class="true">truth</span><span class="zero">0</span></div>
        <span class="of" aria-hidden="true">logit</span>
        <div class="sum" aria-hidden="true"><i class="middle"></i><i class="part wide"></i><i class="part deep"></i><i class="total"></i></div></div>
      <p class="terms"></p>
    </div>`;
  panel.innerHTML = `<div class="page"><div class="who">
      <p><strong class="name"></strong> <span class="kind"></span></p>
      <p class="taste"></p><p class="facts"></p><button id="change"></button>
      <button id="unfold" aria-expanded="false" aria-controls="pair" aria-label="Sums">Σ</button></div>
      <div class="three">${[0, 1, 2].map(cell).join("")}</div></div>`;
  panel.querySelector("#change").addEventListener("click", onChange);
  panel.querySelector("#unfold").addEventListener("click", ({ target }) => {
    target.setAttribute("aria-expanded", panel.classList.toggle("unfolded")); // on a phone the sums are folded
  });
}

/** Put a segment of the logit's scale from one value to another. */
function segment(element, from, to) {
  const at = (value) => 50 + (50 * Math.min(Math.max(value, -LOGITS), LOGITS)) / LOGITS;
  element.style.left = `${Math.min(at(from), at(to))}%`;
  element.style.width = `${Math.abs(at(to) - at(from))}%`;
}

function showPair(panel, pair, store, said) {
  const kind = store.kinds[pair];
  const truth = store.truth[pair];
  panel.querySelector(".name").textContent = nameOf(pair);
  const badge = panel.querySelector(".kind");
  badge.textContent = KIND_NAMES[kind];
  badge.className = `kind kind-${kind}`;
  panel.querySelector(".taste").textContent = tasteOf(pair);
  const log = store.shown[pair] ? `${store.installs[pair]} of ${store.shown[pair]} rows installed` : "no row in the log";
  panel.querySelector(".facts").textContent = `Truth ${inPercent(truth)}, ${log}`;
  panel.querySelector("#change").textContent = NEXT_KIND[kind];
  said.forEach((model, i) => {
    const cell = panel.querySelectorAll(".said")[i];
    const p = model.probabilities[pair];
    cell.querySelector(".p").textContent = inPercent(p);
    cell.querySelector(".value").style.width = `${100 * p}%`;
    for (const mark of [".truth", ".true"]) cell.querySelector(mark).style.left = `${100 * truth}%`;
    const wide = i === 2 ? model.wideLogits[pair] : i === 0 ? model.logits[pair] - model.bias : 0;
    const start = model.bias;
    segment(cell.querySelector(".part.wide"), start, start + wide);
    segment(cell.querySelector(".part.deep"), start + wide, start + wide + model.deepLogits[pair]);
    segment(cell.querySelector(".total"), model.logits[pair], model.logits[pair]);
    cell.querySelector(".terms").innerHTML = sumsOf(model, i, pair);
  });
}
