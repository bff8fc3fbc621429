"use strict";

/*
 * The worker: trains the three models next to the page, so that the page stays smooth, and posts what they say.
 *
 * A page that is opened from a folder may not load a worker from a file, but it may start one from text: so both
 * functions, the trainer and this one, are handed over as text.
 */
function wdlWorker(trainer) {
  const PAUSE = 16; // ms from one snapshot to the next
  let session = null;
  let run = 0; // which start a snapshot belongs to
  let speed = 0; // steps a second; 0 stands still
  let limit = 0; // the step at which to stand still
  let due = 0; // steps, and a part of one, that the clock has asked for
  let last = 0;
  let sent = 0; // points of the curves that the page has
  let timer = null;

  function post(running = speed > 0) {
    const measured = session.measure();
    const models = session.models.map((model, i) => ({
      ...measured[i],
      table: model.wide ? model.wide.table.slice() : null,
      vectors: model.deep ? model.deep.weights.vectors.slice() : null,
    }));
    postMessage({ run, step: session.step, running, models, history: session.history.slice(sent) });
    sent = session.history.length;
  }

  /** Take the steps that are due, in at most 12 ms, so that a message is never left waiting for long. */
  function tick() {
    const now = performance.now();
    due = Math.min(due + ((now - last) / 1000) * speed, speed / 4 + 1);
    last = now;
    while (due >= 1 && session.step < limit && performance.now() - now < 12) {
      session.advance();
      due -= 1;
    }
    if (session.step >= limit) speed = 0;
    post();
    timer = speed ? setTimeout(tick, Math.max(0, PAUSE - (performance.now() - now))) : null;
  }

  const commands = {
    start(message) {
      session = trainer.makeSession(message.settings, message.clicks);
      run = message.run;
      speed = 0;
      sent = 0;
      if (message.at) post(true); // the page has something to show while these steps are taken
      session.advance(message.at);
      post();
    },
    play(message) {
      const standing = speed === 0;
      speed = message.speed;
      limit = message.limit;
      if (!standing) return;
      due = 0;
      last = performance.now();
      tick();
    },
    pause() {
      speed = 0;
      clearTimeout(timer);
      post();
    },
    advance(message) {
      session.advance(message.steps);
      post();
    },
  };
  onmessage = ({ data }) => {
    if (data.command === "start") clearTimeout(timer);
    commands[data.command](data);
  };
}

/** Start the worker from the text of the two functions. */
function startWorker() {
  const text = `"use strict";(${wdlWorker})((${wdlTrainer})());`;
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const worker = new Worker(address);
  URL.revokeObjectURL(address);
  return worker;
}
