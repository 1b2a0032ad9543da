// Windows of rhythm, told one after the other, as stretches of one label. Twin of edge/stretches.py.

/** Where two windows overlap, the earlier one has it. */
export function stretches(windows) {
  const found = [];
  for (const { start_s, end_s, label } of windows) {
    const last = found.at(-1);
    if (last?.label === label) last.end_s = end_s;
    else found.push({ start_s: Math.max(start_s, last?.end_s ?? start_s), end_s, label });
  }
  return found;
}
