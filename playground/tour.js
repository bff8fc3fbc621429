"use strict";

/* The tour: six cards, each next to what it speaks of. A card may do something first, such as to press play. */

const TOUR = [
  {
    at: ".axes", title: "A store whose truth is known",
    text: "Each square is a user and an app; the stronger its colour, the likelier is an install. Music users like music apps, travel users like travel apps. That is the rule.",
  },
  {
    at: ".legend", title: "Two hard questions",
    text: "Framed pairs break the rule: only someone who remembers them can know. Small squares were never shown: only someone who has understood the rule can guess them. The models see a log of installs, and never this picture.",
    first: (page) => page.lookAtKind(1),
  },
  {
    at: "#predictions", title: "Three models learn",
    text: "Training has started. Watch the three pictures turn into the truth, each in its own way. Point at a square: at the bottom is how each model's logit adds up for that pair.",
    first: (page) => page.playThePapersCase(),
  },
  {
    at: "#errors", title: "Who is wrong where?",
    text: "Wide has a weight for each pair: it remembers the exceptions, and is lost where there was no data. Deep shares vectors between pairs: it fills the gaps, and smooths the exceptions over. Together they do both.",
  },
  {
    at: "#weights", title: "Who learns what?",
    text: "L1 is a price on each wide weight. Wide alone must pay for every pair. Next to a deep part only the exceptions are worth it: the map stays nearly empty, but for the frames.",
    first: (page) => page.lookAtKind(1),
  },
  {
    at: "#presets", title: "Now break it",
    text: "Try “No L1”: which map fills up, and what happens to the small squares? Click on pairs of the store, move a slider. “Copy link” keeps exactly what you see, to hand it on.",
  },
];

/** Wire the tour's card; `page` can do what the cards ask for. */
function makeTour(card, opener, page) {
  let now = -1;

  function place(target) {
    const box = target.getBoundingClientRect();
    const width = Math.min(innerWidth < 820 ? 360 : 312, innerWidth - 24);
    card.style.width = `${width}px`;
    const height = card.offsetHeight;
    const floor = document.getElementById("pair").getBoundingClientRect().top;
    const room = 14;
    const places = [
      { fits: box.width < innerWidth / 2 && box.right + room + width < innerWidth, left: box.right + room, top: box.top },
      { fits: box.bottom + room + height < floor, left: box.left, top: box.bottom + room },
      { fits: box.top - room - height > 60, left: box.left, top: box.top - room - height },
      { fits: box.left - room - width > 0, left: box.left - room - width, top: box.top },
      { fits: true, left: box.left, top: box.top - room - height },
    ];
    const { left, top } = places.find((each) => each.fits);
    card.style.left = `${Math.min(Math.max(left, 12), innerWidth - width - 12)}px`;
    card.style.top = `${Math.min(Math.max(top, 12), Math.max(floor - height - 12, 12))}px`;
  }
  function close() {
    if (now < 0) return;
    now = -1;
    document.querySelector(".lit")?.classList.remove("lit");
    card.hidden = true;
    opener.focus();
  }
  function show(index) {
    now = index;
    const step = TOUR[now];
    const target = document.querySelector(step.at);
    document.querySelector(".lit")?.classList.remove("lit");
    target.classList.add("lit");
    card.innerHTML = `<p class="count">${now + 1} of ${TOUR.length}</p><h2 id="card-title">${step.title}</h2>
      <p id="card-text">${step.text}</p>
      <div class="buttons"><button class="close">Close</button><span></span>
      ${now ? '<button class="back">Back</button>' : ""}
      <button class="next strong">${now + 1 < TOUR.length ? "Next" : "Done"}</button></div>`;
    card.hidden = false;
    step.first?.(page);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    target.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    place(target);
    card.querySelector(".close").addEventListener("click", close);
    card.querySelector(".back")?.addEventListener("click", () => show(now - 1));
    card.querySelector(".next").addEventListener("click", () => (now + 1 < TOUR.length ? show(now + 1) : close()));
    card.querySelector(".next").focus({ preventScroll: true });
  }
  const follow = () => now >= 0 && place(document.querySelector(TOUR[now].at));
  addEventListener("scroll", follow, { passive: true });
  addEventListener("resize", follow);
  addEventListener("keydown", (event) => event.key === "Escape" && close());
  opener.addEventListener("click", () => show(0));
}
