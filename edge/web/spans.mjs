// Which of the intervals between beats touch a stretch of time. Twin of edge/spans.py.

/** Whether an interval touches one of the spans, which lie in order; it is asked for in order too. */
export function touching(spans) {
  let at = 0;
  return (start, end) => {
    while (at < spans.length && spans[at][1] <= start) at++;
    return at < spans.length && spans[at][0] < end;
  };
}

/** Whether an interval touches signal that is not good: beats may have gone unseen there. */
export function touchingNotGood(quality) {
  return touching(quality.filter(({ state }) => state !== "good").map(({ start_s, end_s }) => [start_s, end_s]));
}
