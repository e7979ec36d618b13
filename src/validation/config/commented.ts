import { Document, isMap, isScalar, isSeq } from "yaml";
import type { Because } from "../detect/detect.js";
import type { ConfigFile } from "./types.js";

/** A config as YAML, with a comment above each command that was concluded from something. */
export function commented(config: ConfigFile, because: Because | undefined): string {
  const document = new Document(config);
  if (because !== undefined) {
    commentList(document, "setup", because.setup);
    commentList(document, "build", because.build);
    for (const [name, reason] of Object.entries(because.checks)) comment(document, ["checks", name], reason);
    if (because.leftOut.length > 0) {
      document.comment = because.leftOut.map((reason) => asComment(`Not run: ${reason}`)).join("\n");
    }
  }
  // A command stays on its line, however long it is.
  return document.toString({ lineWidth: 0 });
}

function commentList(document: Document, step: string, reasons: readonly string[]): void {
  const path = isMap(document.get(step)) ? [step, "run"] : [step];
  const list = document.getIn(path);
  if (!isSeq(list)) {
    comment(document, path, reasons[0]);
    return;
  }
  let before: string | undefined;
  for (const [index, item] of list.items.entries()) {
    const reason = reasons[index];
    if (isScalar(item) && reason !== undefined && reason !== before) item.commentBefore = asComment(reason);
    before = reason;
  }
}

/** Above the key: what is on its line is the command. */
function comment(document: Document, path: readonly string[], reason: string | undefined): void {
  const map = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1));
  if (reason === undefined || !isMap(map)) return;
  const key = map.items.map((pair) => pair.key).find((key) => isScalar(key) && key.value === path.at(-1));
  if (isScalar(key)) key.commentBefore = asComment(reason);
}

/** It holds words of the candidate's files. */
function asComment(reason: string): string {
  return ` ${reason.replace(/[^\x20-\x7e]+/g, "?")}`;
}
