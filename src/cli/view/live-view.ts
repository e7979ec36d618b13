import { createLogUpdate } from "log-update";
import { clearInterval, performance, setInterval } from "../../timers.js";
import { STOPPING } from "../interrupt.js";
import { width } from "./format.js";
import { drawProgress } from "./live-tree.js";
import { Progress } from "./progress.js";
import { theme } from "./terminal.js";
import type { View } from "./types.js";

const FRAME_MS = 100;
const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";

/** Draws the tree over itself some times a second, whatever the rate of events. */
export function liveView(stream: NodeJS.WriteStream): View {
  const progress = new Progress(performance.now());
  const colours = theme(stream);
  const update = createLogUpdate(stream, { showCursor: true });
  let stopping = false;
  let ended = false;
  let drawn: string[] = [];

  const draw = () => {
    const { columns = 80, rows = 24 } = stream;
    drawn = drawProgress(progress, { columns, rows: rows - 1, now: performance.now(), theme: colours });
    if (stopping) drawn.push(colours.yellow(STOPPING));
    if (drawn.length > 0) update(drawn.join("\n"));
  };
  const onResize = () => {
    // A narrower terminal has wrapped what was drawn into more rows than log-update knows of.
    const wrapped = drawn.reduce(
      (sum, line) => sum + Math.max(0, Math.ceil(width(line) / stream.columns) - 1),
      0,
    );
    stream.write("\u001b[1A\u001b[2K".repeat(wrapped));
    update.clear();
    draw();
  };
  const showCursor = () => stream.write(SHOW_CURSOR);
  const end = () => {
    if (ended) return;
    ended = true;
    clearInterval(timer);
    stream.off("resize", onResize);
    process.off("exit", showCursor);
    update.clear();
    showCursor();
  };

  stream.write(HIDE_CURSOR);
  process.on("exit", showCursor);
  stream.on("resize", onResize);
  const timer = setInterval(draw, FRAME_MS);
  return {
    event: (event) => progress.apply(event, performance.now()),
    stopping: () => {
      stopping = true;
    },
    end,
  };
}
