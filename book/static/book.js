// Opened from a folder, a page may not read other pages: the search then shows titles without extracts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// What scrolls in a box of its own can be scrolled with the keyboard too.
const boxes = () => document.querySelectorAll("pre, .text_html, .table-wrapper, .math-wrapper").forEach(box => {
  if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
});
addEventListener("load", () => { boxes(); window.MathJax?.startup?.promise.then(boxes); });
addEventListener("resize", boxes);
