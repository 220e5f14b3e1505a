// Several selected words: all are on one side, and their weights are summed.

const MOST = 64; // as in attnviz/types.py

// Adds a word to the selection, or removes it. `tokens` are the word's; any of them identifies it.
export function toggleSelected(state, side, tokens) {
  const { selected } = state;
  const now = selected?.side === side ? tokensOf(selected) : [];
  const rest = now.filter((token) => !tokens.includes(token));
  const next = rest.length < now.length ? rest : [...now, tokens[0]].slice(0, MOST);
  const [token, ...also] = next;
  return { ...state, side, point: null, selected: token === undefined ? null : { side, token, partner: null, also } };
}

// With the keyboard, one word is always selected, and the arrow keys move the selection. This keeps the word selected when
// they move on, or removes it again.
export function keepSelected(state, tokens) {
  const { selected } = state;
  if (!selected) return state;
  const rest = selected.also.filter((token) => !tokens.includes(token));
  const also = rest.length < selected.also.length ? rest : [...selected.also, selected.token].slice(0, MOST - 1);
  return { ...state, selected: { ...selected, partner: null, also } };
}

// The arrow keys have moved on to another word.
export function moveSelection(state, side, token) {
  const also = state.selected?.side === side ? state.selected.also : [];
  return { ...state, side, point: null, selected: { side, token, partner: null, also } };
}

export const tokensOf = ({ token, also }) => [...new Set([token, ...also])];

// The selected units, the first of them the one that the pictures keep in view.
export function anchorsOf({ side, query, key, also = [] }) {
  const first = side === "query" ? query : key;
  return first < 0 ? [] : [first, ...also];
}
