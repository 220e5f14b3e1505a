// The element's theme in, colours and fonts for canvases and style sheet out. In Streamlit its --st-* variables win.

import { luminance, makeEncoding } from "./encoding.js";

const OURS = ["page", "field", "ink", "mute", "accent", "onAccent", "line", "hair"];
const THEIRS = { page: "--st-background-color", field: "--st-secondary-background-color", ink: "--st-text-color", accent: "--st-primary-color" };

// `theme` is "light", "dark", or "" to see for itself: by Streamlit's background, else by the reader's own setting.
export function lookOf(element, tokens, theme) {
  const style = getComputedStyle(element);
  const given = Object.fromEntries(Object.entries(THEIRS).map(([role, name]) => [role, style.getPropertyValue(name).trim()]));
  const ground = theme ? null : rgbOf(given.page);
  const dark = ground ? luminance(ground) < 0.4 : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = theme || (dark ? "dark" : "light");
  const look = makeEncoding(tokens, name);
  for (const role of OURS) {
    look[role] = (!theme && given[role]) || look[role];
    element.style.setProperty(`--${role}`, look[role]);
  }
  const font = style.getPropertyValue("--st-font").trim();
  look.sans = font || look.fonts.sans;
  element.style.setProperty("--sans", look.sans);
  element.style.setProperty("--serif", look.fonts.serif);
  element.dataset.theme = name;
  look.name = OURS.map((role) => look[role]).join() + look.sans;
  return look;
}

// Any colour that a style sheet may hold, as three bytes; null for none.
function rgbOf(colour) {
  if (!colour) return null;
  const c = new OffscreenCanvas(1, 1).getContext("2d");
  c.fillStyle = colour;
  c.fillRect(0, 0, 1, 1);
  return Array.from(c.getImageData(0, 0, 1, 1).data.slice(0, 3));
}
