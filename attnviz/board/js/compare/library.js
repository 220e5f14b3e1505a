// Digests of frames and sheets in, the books of those that have arrived out.

import { addSheet, decode, makeBook } from "../core/frame.js";
import { storedBytes } from "../core/store.js";

export function makeLibrary() {
  const books = new Map();

  // What is wanted no longer is let go of, what has come is opened.
  function take({ frames, sheets }) {
    for (const digest of [...books.keys()]) if (!frames.includes(digest)) books.delete(digest);
    for (const digest of frames) {
      const bytes = books.has(digest) ? null : storedBytes(digest);
      if (bytes) books.set(digest, makeBook(decode(bytes)));
    }
    for (const sheet of sheets.map(storedBytes).filter(Boolean).map(decode)) if (books.has(sheet.frame)) addSheet(books.get(sheet.frame), sheet);
  }

  return { books, take };
}
