// Keeps the page working if an extension rewrites what React has drawn.
//
// A translator that ignores `translate="no"`, or another extension, takes a text node out of the page and puts an element of
// its own in its place. React keeps the text node: it would write new numbers into a node that is no longer visible, and fail
// when it removes it. So a text node that React changes returns to the page, and one that it removes takes its stand-in along.
(() => {
  const standIns = new WeakMap(); // a text node of React that was taken out: the element in its place
  const isReacts = (node) => Object.keys(node).some((key) => key.startsWith("__reactFiber$"));
  const isForeign = (node) => node?.nodeType === Node.ELEMENT_NODE && !isReacts(node);

  const textObserver = new MutationObserver((records) => {
    for (const { target } of records) {
      const standIn = standIns.get(target);
      if (standIn?.isConnected && !target.isConnected) standIn.replaceWith(target);
      if (isReacts(target)) [target.previousSibling, target.nextSibling].filter(isForeign).forEach((node) => node.remove()); // of the old text
    }
  });

  function trackStandIn(text, standIn) {
    standIns.set(text, standIn);
    textObserver.observe(text, { characterData: true });
  }

  const pageObserver = new MutationObserver((records) => {
    const root = document.getElementById("root");
    let rewritten = false;
    for (const { target, addedNodes, removedNodes, previousSibling, nextSibling } of records) {
      for (const added of addedNodes) rewritten ||= added.nodeName === "FONT" && root.contains(added);
      for (const text of removedNodes) {
        if (text.nodeType !== Node.TEXT_NODE || text.isConnected || !isReacts(text) || !root.contains(target)) continue;
        // Replaced in one step, or an element put beside the text and then the text taken out. React does neither.
        const standIn = [...addedNodes].find(isForeign) ?? [previousSibling, nextSibling].find((node) => node?.nodeName === "FONT");
        if (!standIn) continue;
        trackStandIn(text, standIn);
        rewritten = true;
      }
    }
    if (!rewritten) return;
    textObserver.observe(root, { characterData: true, subtree: true });
    globalThis.attnvizRewritten();
  });
  pageObserver.observe(document, { childList: true, subtree: true });
  new MutationObserver(() => /\btranslated-(ltr|rtl)\b/.test(document.documentElement.className) && globalThis.attnvizRewritten())
    .observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });

  // Return what stands for `node` among the children of `parent`: its stand-in, or the foreign element that it was wrapped in.
  function standInOf(node, parent) {
    let found = standIns.get(node) ?? node;
    while (found && found.parentNode !== parent) found = found.parentNode;
    return found;
  }

  const containsReacts = (node) => isReacts(node) || [...node.childNodes].some(containsReacts);
  const { removeChild, insertBefore } = Node.prototype;
  Node.prototype.removeChild = function (child) {
    if (child?.parentNode === this || !(child instanceof Node) || !isReacts(child)) return removeChild.call(this, child);
    const standIn = standInOf(child, this);
    child.remove();
    if (standIn && !containsReacts(standIn)) standIn.remove();
    return child;
  };
  Node.prototype.insertBefore = function (node, before) {
    if (!before || before.parentNode === this || !isReacts(before)) return insertBefore.call(this, node, before);
    return insertBefore.call(this, node, standInOf(before, this));
  };
})();
