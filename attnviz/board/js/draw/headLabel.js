// The name of the head shown and, beside it, what it does on this text. A text is one example, and the line says so.

import { element } from "../core/element.js";
import { headName } from "../core/encoding.js";
import { written } from "./headProfile.js";

export function drawHeadLabel(nameHost, roleHost, { book, head, pattern, profile, missing, state }) {
  nameHost.textContent = headName(...head);
  // Roles are known for words with every token shown; in another view the profile takes their place.
  const text = state.words && state.special === "show" && book.frame.roles[head[0]]?.[head[1]];
  if (!pattern) roleHost.replaceChildren(missing);
  else if (text) roleHost.replaceChildren(text);
  else roleHost.replaceChildren(...roleOf(profile), element("small", "", "Measured on this text only: an observation, not a proof."));
}

// The two places that get most of this head, with their shares as the profile has them.
function roleOf(profile) {
  const [first, second] = profile.shares.map(([label, share], at) => ({ label, share, text: written(profile, at) })).sort((a, b) => b.share - a.share);
  const parts = ["gives ", element("b", "", first.text), ` of its attention to ${first.label}`];
  if (second && second.share >= 0.005) parts.push(`, ${second.text} to ${second.label}`);
  return parts;
}
