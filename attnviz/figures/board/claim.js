// The head shown in; its name, and beside it what it does on this text, out. A text is one example, and the line says so.

import { element } from "./element.js";
import { headName, percent } from "./encoding.js";

export function drawClaim(nameHost, roleHost, { book, head, pattern, facts, missing, state }) {
  nameHost.textContent = headName(...head);
  // Roles are told by words with every token shown; of another view the facts beside it speak.
  const said = state.words && state.special === "show" && book.frame.roles[head[0]]?.[head[1]];
  if (!pattern) roleHost.replaceChildren(missing);
  else if (said) roleHost.replaceChildren(said);
  else roleHost.replaceChildren(...roleOf(facts), element("small", "", "Measured on this text alone: it shows, it does not prove."));
}

// The two places that get most of this head, with their shares.
function roleOf({ shares }) {
  const [first, second] = [...shares].sort((a, b) => b[1] - a[1]);
  const parts = ["gives ", element("b", "", percent(first[1])), ` of its attention to ${first[0]}`];
  if (second && second[1] >= 0.005) parts.push(`, ${percent(second[1])} to ${second[0]}`);
  return parts;
}
