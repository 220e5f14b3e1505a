// What rewrites the page under React does not break it.
//
// A translator that does not heed `translate="no"`, or another extension, takes a text out of the page and puts an element of
// its own in its place. React keeps the text: it would write new numbers into what is no longer seen, and fail when it removes
// it. So a text that React changes comes back into the page, and one that it removes goes with what stands for it.
(() => {
  const standIns = new WeakMap(); // a text of React's that was taken out: the element that stands in its place
  const isReacts = (node) => Object.keys(node).some((key) => key.startsWith("__reactFiber$"));
  const isForeign = (node) => node?.nodeType === Node.ELEMENT_NODE && !isReacts(node);

  const changed = new MutationObserver((records) => {
    for (const { target } of records) {
      const standIn = standIns.get(target);
      if (standIn?.isConnected && !target.isConnected) standIn.replaceWith(target);
      if (isReacts(target)) [target.previousSibling, target.nextSibling].filter(isForeign).forEach((node) => node.remove()); // said of the old text
    }
  });

  function taken(text, standIn) {
    standIns.set(text, standIn);
    changed.observe(text, { characterData: true });
  }

  const rewritten = new MutationObserver((records) => {
    const root = document.getElementById("root");
    let found = false;
    for (const { target, addedNodes, removedNodes, previousSibling, nextSibling } of records) {
      for (const added of addedNodes) found ||= added.nodeName === "FONT" && root.contains(added);
      for (const text of removedNodes) {
        if (text.nodeType !== Node.TEXT_NODE || text.isConnected || !isReacts(text) || !root.contains(target)) continue;
        // Replaced in one step, or an element put beside the text and then the text taken out. React does neither.
        const standIn = [...addedNodes].find(isForeign) ?? [previousSibling, nextSibling].find((node) => node?.nodeName === "FONT");
        if (!standIn) continue;
        taken(text, standIn);
        found = true;
      }
    }
    if (!found) return;
    changed.observe(root, { characterData: true, subtree: true });
    globalThis.attnvizRewritten();
  });
  rewritten.observe(document, { childList: true, subtree: true });
  new MutationObserver(() => /\btranslated-(ltr|rtl)\b/.test(document.documentElement.className) && globalThis.attnvizRewritten())
    .observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });

  // What stands for `node` among the children of `parent`: its stand-in, or the foreign element that it was wrapped in.
  function standInOf(node, parent) {
    let found = standIns.get(node) ?? node;
    while (found && found.parentNode !== parent) found = found.parentNode;
    return found;
  }

  const holdsReacts = (node) => isReacts(node) || [...node.childNodes].some(holdsReacts);
  const { removeChild, insertBefore } = Node.prototype;
  Node.prototype.removeChild = function (child) {
    if (child?.parentNode === this || !(child instanceof Node) || !isReacts(child)) return removeChild.call(this, child);
    const standIn = standInOf(child, this);
    child.remove();
    if (standIn && !holdsReacts(standIn)) standIn.remove();
    return child;
  };
  Node.prototype.insertBefore = function (node, before) {
    if (!before || before.parentNode === this || !isReacts(before)) return insertBefore.call(this, node, before);
    return insertBefore.call(this, node, standInOf(before, this));
  };
})();
