// The frames and sheets that have arrived, as books by digest.

import { addSheet, decode, makeBook } from "../core/frame.js";
import { storedBytes } from "../core/store.js";

export function makeLibrary() {
  const books = new Map();

  // Removes what is no longer needed, and opens what has arrived.
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
