// DOM elements. Text is only ever added as text.

export function element(tag, name = "", text = null) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== null) made.textContent = text;
  return made;
}

export function button(text, press) {
  const made = element("button", "", text);
  made.type = "button";
  made.addEventListener("click", press);
  return made;
}

// A term of the glossary; on a page, a button that shows its meaning (web/terms). Only its name where there is no glossary.
export function termLink(glossary, term, name = term) {
  if (!glossary) return name;
  const made = element("a", "", name);
  return Object.assign(made, { href: glossary + term, target: "_blank", rel: "noopener", role: "button", title: "", ariaHasPopup: "dialog", ariaExpanded: "false" });
}

// A text of ours as nodes, with the terms in it: `ids` has the term of each name.
export function withTerms(glossary, text, ids) {
  const names = new RegExp(`(${Object.keys(ids).join("|")})`);
  return text.split(names).map((part) => (Object.hasOwn(ids, part) ? termLink(glossary, ids[part], part) : part));
}

// A row of choices, exactly one of which is selected.
export function segments(name, choices, chosen, choose) {
  const row = element("div", "segments");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", name);
  for (const [value, text] of choices) {
    const one = button(text, () => choose(value));
    one.dataset.value = value;
    one.setAttribute("aria-pressed", String(value === chosen));
    row.append(one);
  }
  return row;
}

export function press(row, chosen) {
  for (const one of row.children) one.setAttribute("aria-pressed", String(one.dataset.value === String(chosen)));
}

// Writes only a change, so that screen readers do not read the same text again.
export function setText(host, text) {
  if (host.textContent !== text) host.textContent = text;
}

export function within(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
