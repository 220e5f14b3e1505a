// What is shown in; the same in words out, for those who hear the page: one sentence, and a table of the held word.

import { anchorOf } from "./state.js";
import { element } from "./element.js";
import { ranked } from "./pattern.js";
import { sentenceOf } from "./readout.js";
import { headName, threeDigits } from "./encoding.js";

const ROWS = 40; // of a longer text, the strongest

export function drawStatus({ status, caption, body }, view) {
  const said = sentenceOf(view);
  if (status.textContent !== said) status.textContent = said;
  const { pattern, focus, line, head } = view;
  if (!pattern || !line) {
    caption.textContent = "";
    body.replaceChildren();
    return;
  }
  const looks = focus.side === "query";
  const [here, there] = looks ? [pattern.queries, pattern.keys] : [pattern.keys, pattern.queries];
  const shown = ranked(line).slice(0, ROWS);
  if (there.length <= ROWS) shown.sort((a, b) => a - b);
  const which = there.length > ROWS ? `, the ${ROWS} strongest of ${there.length}` : "";
  caption.textContent = `${headName(...head)}: ${looks ? "at whom" : "who looks at"} ${here[anchorOf(focus)].label}${looks ? " looks" : ""}${which}`;
  body.replaceChildren(
    ...shown.map((i) => {
      const row = element("tr");
      const name = element("th", "", there[i].label);
      name.scope = "row";
      row.append(name, element("td", "", threeDigits(line[i])));
      return row;
    }),
  );
}
