// The mount function of a Streamlit component.

// Streamlit calls it again, with the same root, after every Python run and every change of theme. `make` builds the component:
// its `take` gets Python's data, its `send`, set here, sends a value to Python as `trigger`, its `stop` ends it.
export function mounter(make, trigger) {
  const mounted = new WeakMap();
  return ({ parentElement, data, setTriggerValue }, tokens) => {
    const component = mounted.get(parentElement) ?? make(parentElement, tokens);
    mounted.set(parentElement, component);
    component.send = (value) => setTriggerValue(trigger, value);
    component.take(data);
    return () => {
      component.stop();
      mounted.delete(parentElement);
    };
  };
}

// Gives a component's element its HTML and style, unless it has them. Both are ours: no text of a reader is in them.
export function furnish(root, parts) {
  if (root.querySelector(".attnviz")) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(parts.css);
  root.adoptedStyleSheets = [sheet];
  root.append(...new DOMParser().parseFromString(parts.html, "text/html").body.childNodes);
}
