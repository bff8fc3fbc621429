"use strict";

/*
 * The tour: six cards, each next to what it speaks of and never over it. A card may do something first, such as to
 * press play. `at` is its subject; `beside` should be seen with it, where there is room.
 */

const TOUR = [
  {
    at: ".axes", beside: [".legend"], title: "A store whose truth is known",
    text: "Each square is a user and an app; a strong colour is a likely install. Music users like music apps, travel users travel apps: that is the rule. Framed pairs break it, and can only be remembered. Small squares were never shown: only the rule can guess them. The models see the log of installs, never this picture.",
    first: (page) => page.lookAtKind(1),
  },
  {
    at: "#predictions", beside: [".heads", ".axes"], title: "Three models learn",
    text: "Training has started. Watch the three pictures turn into the truth, each in its own way. Point at a square: at the bottom are its truth, what each model says, and the logit (the sum that becomes the probability).",
    first: (page) => page.playThePapersCase(),
  },
  {
    at: "#errors", beside: ["#sentence", "#predictions"], title: "Who is wrong where?",
    text: "Wide has a weight for each pair: it remembers the exceptions, and is lost where there was no data. Deep shares vectors between pairs: it fills the gaps, and smooths the exceptions over. Together they do both.",
  },
  {
    at: "#exceptions-curve", beside: [], title: "The moment to look for",
    text: "At first wide & deep (green) gets the exceptions as wrong as deep (blue): both have only the rule. Then its wide part picks them up: green leaves blue and joins orange.",
  },
  {
    at: "#weights", beside: ["#wide-settings"], title: "Who learns what?",
    text: "A cross is one user with one app; L1 is the price of its weight. Wide alone must pay for every pair. Next to a deep part only the exceptions are worth it: the map is nearly empty but for the frames. Without a price the crosses take over a part of the rule; the deep part has less error left to learn it from, and the pairs never shown get worse.",
    first: (page) => page.lookAtKind(1),
  },
  {
    at: "#presets", beside: ["#watch", ".heads", "#predictions", ".store"], title: "Now break it",
    text: "Try “No L1”: which map fills up, and what happens to the small squares? Click on pairs of the store, move a slider. “Copy link” keeps exactly what you see, to hand it on.",
  },
];

/** Wire the tour's card; `page` can do what the cards ask for. */
function makeTour(card, opener, page) {
  const ROOM = 14; // between the card and its subject
  const find = (selector) => document.querySelector(selector).getBoundingClientRect();
  let now = -1;

  /** Where the page's own bars leave room: below the one at the top when it sticks, above the panel at the bottom. */
  const free = () => ({ top: find(".bar").height, bottom: find("#pair").top });

  /** Bring the subject and what is beside it under the upper bar, with room for the card below the subject. */
  function scrollTo({ at, beside }) {
    const { top, bottom } = free();
    const subject = find(at);
    const above = beside.map(find).filter((box) => box.top < subject.top && box.top > subject.top - innerHeight / 2);
    const first = Math.min(subject.top, ...above.map((box) => box.top)) - top - ROOM;
    const below = beside.map(find).filter((box) => box.top >= subject.bottom && box.top < subject.bottom + 3 * ROOM);
    const last = Math.max(subject.bottom, ...below.map((box) => box.bottom));
    const needed = last + ROOM + card.offsetHeight + ROOM - bottom;
    const most = subject.top - top - ROOM;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    scrollBy({ top: Math.min(Math.max(first, needed), most), behavior: calm ? "auto" : "smooth" });
    place({ at, beside });
  }
  /** Put the card where it covers its subject least, then what is beside it; of equal places the nearest. */
  function place({ at, beside }) {
    const width = Math.min(innerWidth < 820 ? 420 : 560, innerWidth - 24);
    card.style.width = `${width}px`;
    const height = card.offsetHeight;
    const { top, bottom } = free();
    const box = find(at);
    const others = beside.map(find);
    const under = Math.max(...others.map((other) => other.bottom).filter((end) => end + ROOM + height < bottom), box.bottom);
    const places = [];
    for (const left of [box.left, box.right - width, box.right + ROOM, box.left - ROOM - width]) {
      for (const y of [box.bottom + ROOM, under + ROOM, box.top, box.top - ROOM - height, bottom]) {
        const x = between(left, 12, innerWidth - width - 12);
        places.push({ x, y: between(y, Math.min(top, box.top), Math.max(bottom - height - 6, 8)) });
      }
    }
    const covered = ({ x, y }, other) =>
      Math.max(0, Math.min(x + width, other.right + 8) - Math.max(x, other.left - 8)) *
      Math.max(0, Math.min(y + height, other.bottom + 8) - Math.max(y, other.top - 8));
    const cost = (spot) =>
      1000 * covered(spot, box) + others.reduce((sum, other) => sum + covered(spot, other), 0) +
      Math.hypot(spot.x - box.left, spot.y - box.bottom) / 10;
    const best = places.reduce((a, b) => (cost(b) < cost(a) ? b : a));
    card.style.left = `${best.x}px`;
    card.style.top = `${best.y}px`;
  }
  function leave() {
    document.querySelector(".lit")?.classList.remove("lit");
  }
  function close() {
    if (now < 0) return;
    now = -1;
    leave();
    document.body.classList.remove("touring");
    card.hidden = true;
    opener.focus();
  }
  function show(index) {
    now = index;
    const step = TOUR[now];
    leave();
    document.body.classList.add("touring");
    document.querySelector(step.at).classList.add("lit");
    card.innerHTML = `<p class="count">${now + 1} of ${TOUR.length}</p><h2 id="card-title">${step.title}</h2>
      <p id="card-text">${step.text}</p>
      <div class="buttons"><button class="close">Close</button><span></span>
      ${now ? '<button class="back">Back</button>' : ""}
      <button class="next strong">${now + 1 < TOUR.length ? "Next" : "Done"}</button></div>`;
    card.hidden = false;
    step.first?.(page);
    place(step); // its width is known from here on
    scrollTo(step);
    card.querySelector(".close").addEventListener("click", close);
    card.querySelector(".back")?.addEventListener("click", () => show(now - 1));
    card.querySelector(".next").addEventListener("click", () => (now + 1 < TOUR.length ? show(now + 1) : close()));
    card.querySelector(".next").focus({ preventScroll: true });
  }
  const follow = () => now >= 0 && place(TOUR[now]);
  addEventListener("scroll", follow, { passive: true });
  addEventListener("resize", follow);
  new ResizeObserver(() => now >= 0 && scrollTo(TOUR[now])).observe(document.body); // the live sentence may grow
  addEventListener("keydown", (event) => event.key === "Escape" && close());
  opener.addEventListener("click", () => show(0));
}
