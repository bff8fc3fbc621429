// Opened from a folder, a page may not read other pages: the search then shows titles without extracts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// What scrolls in a box of its own can be scrolled with the keyboard too, also after a click has unfolded it.
const reachable = box => {
  if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
};
addEventListener("load", () => {
  const boxes = [...document.querySelectorAll("pre, .text_html, .table-wrapper, .math-wrapper")];
  const watcher = new ResizeObserver(changes => changes.forEach(change => reachable(change.target)));
  boxes.forEach(box => watcher.observe(box));
  window.MathJax?.startup?.promise.then(() => boxes.forEach(reachable));
});
