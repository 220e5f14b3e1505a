// The rows of the View menu that set the filter: a rule, and its amount in a slider or a field.

import { element, press, segments, setText, within } from "../core/element.js";

const RULES = [["", "All"], ["least", "At least"], ["top", "Top"], ["mass", "Cover"]];
const START = { least: 0.05, top: 3, mass: 0.9 };
// The text before and after the field, the slider's range, the field's minimum and maximum, and how many of its units are 1.
const AMOUNTS = {
  least: { name: "Least weight", before: "weights of at least", after: "", slider: [0.01, 0.5], field: [0.001, 1], step: 0.01, of: 1 },
  top: { name: "How many of each row", before: "the", after: "largest of each row", slider: [1, 12], field: [1, 9999], step: 1, of: 1 },
  mass: { name: "Percent of each row that the links cover", before: "the fewest that cover", after: "% of each row", slider: [10, 99], field: [1, 100], step: 1, of: 100 },
};

// A rule with its amount: "Cover 90 %".
function labelOf(rule, value) {
  const [, name] = RULES.find(([one]) => one === rule);
  if (!rule) return name;
  return rule === "mass" ? `${name} ${Number((100 * value).toFixed(2))}\u202f%` : `${name} ${value}`;
}

// `choose` gets { rule, value }, or null for every weight.
export function makeFilterMenu(choose) {
  const node = element("div", "filter-menu");
  const rules = segments("Links shown", RULES, "", (rule) => choose(rule ? { rule, value: START[rule] } : null));
  const amount = element("label", "amount");
  const [before, field, after, slider] = [element("span"), input("number"), element("span"), input("range")];
  amount.append(before, field, after);
  node.append(rules, amount, slider);
  let shown = null;

  const onInput = (host) => () => {
    const { field: [least, most], of, step } = AMOUNTS[shown.rule];
    if (host.value === "" || !Number.isFinite(Number(host.value))) return;
    const typed = within(Number(host.value), least, most);
    shown = { rule: shown.rule, value: Number((step === 1 && of === 1 ? Math.round(typed) : typed / of).toFixed(4)) };
    choose(shown);
  };
  field.addEventListener("input", onInput(field));
  slider.addEventListener("input", onInput(slider));
  field.addEventListener("change", () => settle()); // an invalid value is corrected when typing is finished

  function draw(keep) {
    shown = keep;
    press(rules, keep?.rule ?? "");
    for (const one of rules.children) setText(one, labelOf(one.dataset.value, keep?.rule === one.dataset.value ? keep.value : START[one.dataset.value]));
    amount.hidden = slider.hidden = !keep;
    if (!keep) return;
    const { name, before: start, after: end, slider: range, field: limits, step, of } = AMOUNTS[keep.rule];
    [before.textContent, after.textContent] = [start, end];
    for (const [host, [least, most]] of [[field, limits], [slider, range]]) {
      Object.assign(host, { min: least, max: most, step: host === field && of === 1 && step < 1 ? "any" : step });
      host.setAttribute("aria-label", name);
    }
    slider.value = keep.value * of;
    if (field.getRootNode().activeElement !== field) settle(); // typing in progress is not changed
  }

  const settle = () => shown && (field.value = Number((shown.value * AMOUNTS[shown.rule].of).toFixed(4)));

  return { node, draw };
}

function input(type) {
  const made = element("input");
  made.type = type;
  return made;
}
