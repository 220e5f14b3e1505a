// The words that a reader holds together in, one more or one less of them out. All are of one side; their lines are summed.

const MOST = 64; // as attnviz/types.py has it

// Takes a word in, or out where it is held already. `tokens` are the word's: it may be held by any of them.
export function together(state, side, tokens) {
  const { hold } = state;
  const now = hold?.side === side ? tokensOf(hold) : [];
  const rest = now.filter((token) => !tokens.includes(token));
  const next = rest.length < now.length ? rest : [...now, tokens[0]].slice(0, MOST);
  const [token, ...also] = next;
  return { ...state, side, point: null, hold: token === undefined ? null : { side, token, mate: null, also } };
}

// With the keyboard one word is always held, the one that the arrows walk. This lets it stay when they walk on, or takes
// that back.
export function kept(state, tokens) {
  const { hold } = state;
  if (!hold) return state;
  const rest = hold.also.filter((token) => !tokens.includes(token));
  const also = rest.length < hold.also.length ? rest : [...hold.also, hold.token].slice(0, MOST - 1);
  return { ...state, hold: { ...hold, mate: null, also } };
}

// The arrows have walked on to another word.
export function walkedTo(state, side, token) {
  const also = state.hold?.side === side ? state.hold.also : [];
  return { ...state, side, point: null, hold: { side, token, mate: null, also } };
}

export const tokensOf = ({ token, also }) => [...new Set([token, ...also])];

// The units that are held, the first of them the one that the pictures keep in view.
export function anchorsOf({ side, query, key, also = [] }) {
  const first = side === "query" ? query : key;
  return first < 0 ? [] : [first, ...also];
}
