// The words that a reader holds together in, one more or one less of them out. All are of one side; their lines are summed.

const MOST = 64; // as attnviz/types.py has it

// Takes a word in, or out where it is held already. `tokens` are the word's: it may be held by any of them.
export function toggleSelected(state, side, tokens) {
  const { selected } = state;
  const now = selected?.side === side ? tokensOf(selected) : [];
  const rest = now.filter((token) => !tokens.includes(token));
  const next = rest.length < now.length ? rest : [...now, tokens[0]].slice(0, MOST);
  const [token, ...also] = next;
  return { ...state, side, point: null, selected: token === undefined ? null : { side, token, mate: null, also } };
}

// With the keyboard one word is always held, the one that the arrows walk. This lets it stay when they walk on, or takes
// that back.
export function keepSelected(state, tokens) {
  const { selected } = state;
  if (!selected) return state;
  const rest = selected.also.filter((token) => !tokens.includes(token));
  const also = rest.length < selected.also.length ? rest : [...selected.also, selected.token].slice(0, MOST - 1);
  return { ...state, selected: { ...selected, mate: null, also } };
}

// The arrows have walked on to another word.
export function moveSelection(state, side, token) {
  const also = state.selected?.side === side ? state.selected.also : [];
  return { ...state, side, point: null, selected: { side, token, mate: null, also } };
}

export const tokensOf = ({ token, also }) => [...new Set([token, ...also])];

// The units that are held, the first of them the one that the pictures keep in view.
export function anchorsOf({ side, query, key, also = [] }) {
  const first = side === "query" ? query : key;
  return first < 0 ? [] : [first, ...also];
}
