// The entry point of the live picture of the page Start.

import { mounter } from "../core/mounter.js";
import { makeStartPicture } from "./startPicture.js";

export const mountStart = mounter(makeStartPicture, "held");
