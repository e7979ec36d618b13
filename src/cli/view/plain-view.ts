import { performance } from "../../timers.js";
import type { StepId, ValidationEvent } from "../../validation/types.js";
import { STOPPING } from "../interrupt.js";
import { duration } from "./format.js";
import { Progress } from "./progress.js";
import { remarkOf, signOf } from "./signs.js";
import { HarmlessStream, type Output, oneLine, theme } from "./terminal.js";
import type { View } from "./types.js";

/** One line when a step starts and one when it ends, for pipes and CI; with its output when `verbose`. */
export function plainView(stream: Output, verbose: boolean): View {
  const progress = new Progress(performance.now());
  const t = theme(stream);
  const outputs = new Map<string, { filter: HarmlessStream; rest: string }>();
  const print = (line: string) => stream.write(`${line.trimEnd()}\n`);
  const label = ({ candidate, name, run }: StepId) => {
    const parts = [...(progress.candidates.length > 1 ? [candidate] : []), name];
    return oneLine(
      parts.join(" / ") + (progress.repeat > 1 && run > 0 && name !== "setup" ? ` #${run}` : ""),
    );
  };

  const printOutput = (step: StepId, text: string, flush = false) => {
    const key = JSON.stringify(step);
    const output = outputs.get(key) ?? { filter: new HarmlessStream(), rest: "" };
    outputs.set(key, output);
    const lines = (output.rest + output.filter.push(text) + (flush ? output.filter.flush() : "")).split("\n");
    output.rest = lines.pop() ?? "";
    if (flush && output.rest !== "") lines.push(output.rest);
    if (flush) outputs.delete(key);
    for (const line of lines) print(`${t.dim(`${label(step)} ${t.signs.bar}`)} ${line}`);
  };

  const show = (event: ValidationEvent) => {
    switch (event.type) {
      case "step-started": {
        const commands = progress.step(event.step)?.commands.join(" && ") ?? "";
        return print(`${t.signs.waiting} ${label(event.step)}: started  ${t.dim(commands)}`);
      }
      case "step-output":
        return verbose && printOutput(event.step, event.text);
      case "step-ended": {
        const { report, step } = event;
        if (verbose) printOutput(step, "", true);
        const ran = report.startedAt === undefined ? "" : ` in ${duration(report.durationMs)}`;
        const remark = oneLine(remarkOf(report));
        const what = remark === "" || remark === report.verdict ? "" : `: ${remark}`;
        return print(`${signOf(report.verdict, t)} ${label(step)}: ${report.verdict}${ran}${what}`);
      }
    }
  };
  return {
    event: (event) => {
      progress.apply(event, performance.now());
      show(event);
    },
    stopping: () => print(`forkbox: ${STOPPING}`),
    end: () => {},
  };
}
