// The theme of an element: colours and fonts for canvases and style sheet. In Streamlit its --st-* variables win.

import { luminance, makeEncoding } from "./encoding.js";
import { onPaper } from "./paper.js";

const OURS = ["page", "field", "ink", "mute", "accent", "onAccent", "line", "hair"];
const THEIRS = { page: "--st-background-color", field: "--st-secondary-background-color", ink: "--st-text-color", accent: "--st-primary-color" };

// `mode` is "light", "dark", or "" to detect it: from Streamlit's background, or else from the reader's own setting.
export function themeOf(element, tokens, mode) {
  const style = getComputedStyle(element);
  const given = Object.fromEntries(Object.entries(THEIRS).map(([role, name]) => [role, style.getPropertyValue(name).trim()]));
  const ground = mode ? null : rgbOf(given.page);
  const dark = ground ? luminance(ground) < 0.4 : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = (onPaper() && "light") || mode || (dark ? "dark" : "light");
  const theme = makeEncoding(tokens, name);
  for (const role of OURS) {
    theme[role] = (!mode && !onPaper() && given[role]) || theme[role];
    element.style.setProperty(`--${role}`, theme[role]);
  }
  const font = style.getPropertyValue("--st-font").trim();
  theme.sans = font || theme.fonts.sans;
  element.style.setProperty("--sans", theme.sans);
  element.style.setProperty("--serif", theme.fonts.serif);
  element.dataset.theme = name;
  theme.name = OURS.map((role) => theme[role]).join() + theme.sans;
  return theme;
}

// Any colour of a style sheet as three bytes; null for none.
function rgbOf(colour) {
  if (!colour) return null;
  const c = new OffscreenCanvas(1, 1).getContext("2d");
  c.fillStyle = colour;
  c.fillRect(0, 0, 1, 1);
  return Array.from(c.getImageData(0, 0, 1, 1).data.slice(0, 3));
}
