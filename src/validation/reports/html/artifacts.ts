import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync } from "node:fs";
import { systemCode } from "../../../files/errors.js";
import { Beneath } from "../../../programs/beneath.mjs";
import { LOG_NAME } from "../../output/log.js";
import { relativeLink } from "./link.js";
import { readAt } from "./log.js";
import { sniff } from "./sniff.js";

/** A file that a step left: sandboxed code chose its name and wrote what is in it. */
export interface ArtifactFile {
  /** Below the directory of the step. */
  path: string;
  /** Relative to the page. */
  link: string;
  bytes: number;
  /** A link: it is not followed, and may lead nowhere. */
  isLink: boolean;
  shown?: { kind: "image"; source: string } | { kind: "text"; text: string; isWhole: boolean };
  /** It would be shown, but there is no room left in the page. */
  noRoom?: boolean;
}

/** What is left of what a page takes of artifacts, over all steps. */
export interface Room {
  bytes: number;
  /** The page's own path, which links start from. */
  from: string;
}

const MOST_FILES = 500;
const MOST_LOOKED_AT = 20_000;
const START_BYTES = 64 * 1024;
const TEXT_BYTES = 16 * 1024;
const IMAGE_BYTES = 2 * 1024 * 1024;

/** The first of them by their paths, up to 500. What can't be read is left out: nothing depends on it. */
export function readArtifacts(directory: string, room: Room): ArtifactFile[] {
  let below: Beneath;
  try {
    below = new Beneath(directory);
  } catch {
    return [];
  }
  try {
    return walk(below)
      .slice(0, MOST_FILES)
      .flatMap((path) => read(below, path, directory, room));
  } finally {
    below.close();
  }
}

/** Paths of what is no directory, as latin1 of their bytes. */
function walk(below: Beneath): string[] {
  const found: string[] = [];
  const waiting = [""];
  for (let looked = 0; waiting.length > 0 && looked < MOST_LOOKED_AT; ) {
    const directory = waiting.pop() ?? "";
    for (const entry of entriesOf(below, directory)) {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      looked++;
      if (entry.isDirectory()) waiting.push(path);
      else if (path !== LOG_NAME) found.push(path);
    }
  }
  return found.sort();
}

function entriesOf(below: Beneath, directory: string) {
  try {
    return readdirSync(below.directory(directory), { withFileTypes: true, encoding: "latin1" });
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

function read(below: Beneath, path: string, directory: string, room: Room): ArtifactFile[] {
  const bytes = Buffer.from(path, "latin1");
  const shownPath = bytes.toString();
  const link = relativeLink(room.from, Buffer.concat([Buffer.from(`${directory}/`), bytes]));
  try {
    const stat = lstatSync(below.place(path));
    const file = { path: shownPath, link, bytes: stat.size, isLink: stat.isSymbolicLink() };
    if (!stat.isFile()) return file.isLink ? [file] : [];
    return [{ ...file, ...preview(below.place(path), room) }];
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

function preview(place: Buffer, room: Room): Pick<ArtifactFile, "shown" | "noRoom"> {
  const fd = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size === 0) return {};
    const start = readAt(fd, 0, Math.min(stat.size, START_BYTES));
    const found = sniff(start);
    if (found.kind === "other") return {};
    const takes = found.kind === "image" ? stat.size : Math.min(stat.size, TEXT_BYTES);
    if (found.kind === "image" && takes > IMAGE_BYTES) return { noRoom: true };
    if (takes > room.bytes) return { noRoom: true };
    room.bytes -= takes;
    if (found.kind === "text") {
      // A character that is cut is left out.
      const text = new TextDecoder().decode(start.subarray(0, takes), { stream: true });
      return { shown: { kind: "text", text, isWhole: stat.size <= takes } };
    }
    const base64 = readAt(fd, 0, takes).toString("base64");
    return { shown: { kind: "image", source: `data:${found.type};base64,${base64}` } };
  } finally {
    closeSync(fd);
  }
}
