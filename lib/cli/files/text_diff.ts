/** Differences between the contents of two files, in the unified format of diff(1) and patch(1). */
import { createTwoFilesPatch, OMIT_HEADERS } from "diff";
import {
  type ByteString,
  escapeForTerminal,
  fromBytes,
  fromText,
  toBytes,
} from "../../bytes/mod.ts";
import type { FileNode, Node } from "../../tree/mod.ts";
import type { Files } from "./open_files.ts";

/** Largest file in bytes whose lines are compared. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Most lines that differ. Beyond that the comparison would take too long. */
const MAX_EDITS = 10_000;
/** Number of bytes at the beginning of a file in which a NUL byte means that it is no text. */
const LOOK_AT = 32 * 1024;

/** A file on one side of a comparison. */
export interface DiffFile {
  readonly files: Files;
  /** Path in {@linkcode files}, without leading slash. */
  readonly path: ByteString;
  /** `undefined` where the side has no such path. */
  readonly node: Node | undefined;
}

/**
 * The difference of two files as bytes. `undefined` where there is none to show: their contents are equal, or neither is
 * a file. What is not text, or too large, is only said to differ.
 *
 * @param path the path to show
 */
export async function textDiff(
  path: ByteString,
  before: DiffFile,
  after: DiffFile,
): Promise<Uint8Array | undefined> {
  const [old, now] = [fileOf(before), fileOf(after)];
  if (old === undefined && now === undefined || isEqual(old, now)) return undefined;
  const shown = fromText(escapeForTerminal(path));
  const names = [
    old === undefined ? "/dev/null" : `a/${shown}`,
    now === undefined ? "/dev/null" : `b/${shown}`,
  ] as const;
  const differ = `Files ${names[0]} and ${names[1]} differ\n`;
  const a = await textOf(before, old), b = await textOf(after, now);
  const patch = a === undefined || b === undefined ? undefined : hunksOf(a, b);
  // An empty file was added or deleted.
  if (patch === "") return undefined;
  const [from, to] = names.map(terminated);
  return toBytes((patch === undefined ? differ : `--- ${from}\n+++ ${to}\n${patch}`) as ByteString);
}

/** The hunks of two texts; empty where they are equal. `undefined` when too many lines differ. */
function hunksOf(a: ByteString, b: ByteString): string | undefined {
  if (a === "") return wholeHunk(b, "+");
  if (b === "") return wholeHunk(a, "-");
  return createTwoFilesPatch("", "", a, b, undefined, undefined, {
    context: 3,
    maxEditLength: MAX_EDITS,
    headerOptions: OMIT_HEADERS,
  });
}

/** The hunk of a text that was added or deleted as a whole. */
function wholeHunk(text: ByteString, sign: "+" | "-"): string {
  if (text === "") return "";
  const lines = text.replace(/\n$/, "").split("\n");
  const [none, all] = ["0,0", `1,${lines.length}`];
  const head = sign === "+" ? `@@ -${none} +${all} @@` : `@@ -${all} +${none} @@`;
  const end = text.endsWith("\n") ? "" : "\\ No newline at end of file\n";
  return `${head}\n${lines.map((line) => `${sign}${line}\n`).join("")}${end}`;
}

/** A name in a header. After one with spaces, patch(1) wants a tab. */
function terminated(name: string): string {
  return name.includes(" ") ? `${name}\t` : name;
}

function fileOf({ node }: DiffFile): FileNode | undefined {
  return node?.type === "file" ? node : undefined;
}

function isEqual(a: FileNode | undefined, b: FileNode | undefined): boolean {
  if (a === undefined || b === undefined || a.size !== b.size) return false;
  return a.digest === null || a.digest.every((byte, i) => byte === b.digest?.[i]);
}

/** The content of a text; empty where there is no file. `undefined` for what is not text or too large. */
async function textOf(
  { files, path }: DiffFile,
  node: FileNode | undefined,
): Promise<ByteString | undefined> {
  if (node === undefined) return "" as ByteString;
  if (node.size > MAX_BYTES) return undefined;
  let text = "";
  for await (const chunk of files.contents.read(path, node)) text += fromBytes(chunk);
  return text.slice(0, LOOK_AT).includes("\0") ? undefined : text as ByteString;
}
