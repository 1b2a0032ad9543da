// Fingers, mouse and keyboard on the paper, and files dropped on the page.

const STEP_S = 1;
const WIDGETS = "input:not([type=radio]), select, button";
const ARROWED = "input[type=radio]"; // arrows choose among them

/** Drag the paper, tap or drag the overview. */
export function listenToPointers(trace, overview, view, { moveTo }) {
  drag(trace, (start, x) => moveTo(start.startS - (x - start.x) / view.pixelsPerS), () => ({ startS: view.startS }));
  drag(overview.canvas, (_, x) => moveTo(overview.secondsAt(x) - view.spanS / 2), () => ({}), true);
}

function drag(canvas, move, begin, atOnce = false) {
  let start = null;
  const xOf = (event) => event.clientX - canvas.getBoundingClientRect().left;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add("dragging");
    start = { ...begin(), x: xOf(event) };
    if (atOnce) move(start, start.x);
  });
  canvas.addEventListener("pointermove", (event) => start && move(start, xOf(event)));
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, () => { start = null; canvas.classList.remove("dragging"); });
}

/** Space pauses, arrows scroll, Home and End go to the ends, wherever no widget needs the key; `more` are a page's own. */
export function listenToKeys(view, { moveTo, pause }, more = {}) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(WIDGETS)) return;
    if (event.key.startsWith("Arrow") && event.target.closest?.(ARROWED)) return;
    const by = event.shiftKey ? 0.9 * view.spanS : STEP_S;
    if (event.key === " ") pause();
    else if (event.key === "ArrowLeft") moveTo(view.startS - by);
    else if (event.key === "ArrowRight") moveTo(view.startS + by);
    else if (event.key === "Home") moveTo(0);
    else if (event.key === "End") moveTo(Infinity);
    else if (more[event.key]) more[event.key]();
    else return;
    event.preventDefault();
  });
}

export function listenToDrops(sign, open) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    sign.hidden = false;
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) sign.hidden = true; });
  document.addEventListener("drop", (event) => {
    sign.hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    open([...event.dataTransfer.files]);
  });
}
