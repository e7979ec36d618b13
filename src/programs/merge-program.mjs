// @ts-check
// merge.mjs as a program of the holder: node merge-program.mjs MERGED WHITEOUT WHOLE UNDER LAYER…
// Nothing imports it: what is bundled must not take the bundle's own arguments for these.
import { merge } from "./merge.mjs";

const [merged = "", whiteout = "", whole = "", under = "", ...run] = process.argv.slice(2);
void merge({ merged, whiteout, whole, under, run });
