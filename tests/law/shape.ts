/** The laws of shape: names, lengths, doors and exports. */
import { ROOMS } from "./rooms.ts";
import { isGenerated, listFolder, listSources } from "./sources.ts";

/** Most lines of a file. One that needs more has more than one job. */
export const MAX_LINES = 400;

/** Most lines of a worker entry, which holds no logic. */
export const MAX_WORKER_LINES = 40;

/** Violations of shape in the shipped files of a project, one line each. */
export async function judgeShape(root: string): Promise<string[]> {
  const out: string[] = [];
  for (const path of await listSources(root)) {
    if (isGenerated(path)) continue;
    const text = await Deno.readTextFile(`${root}/${path}`);
    out.push(...judgeName(path), ...judgeLength(path, text), ...judgeText(path, text));
  }
  for (const path of await listFolder(root, "tests")) {
    if (isGenerated(path)) continue;
    out.push(...judgeName(path), ...judgeLength(path, await Deno.readTextFile(`${root}/${path}`)));
  }
  return out.sort();
}

function judgeName(path: string): string[] {
  const names = path.replace(/\.ts$/, "").split("/");
  const bad = names.find((name) => !/^_?[a-z0-9]+(_[a-z0-9]+)*$/.test(name));
  const out: string[] = [];
  if (bad !== undefined) out.push(`${path}: the name ${bad} is not snake_case`);
  if (path.endsWith("/index.ts")) out.push(`${path}: the door of a folder is mod.ts`);
  return out;
}

function judgeLength(path: string, text: string): string[] {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  const limit = path.startsWith("workers/") ? MAX_WORKER_LINES : MAX_LINES;
  return lines > limit ? [`${path}: ${lines} lines, more than ${limit}`] : [];
}

function judgeText(path: string, text: string): string[] {
  const out: string[] = [];
  // JSR refuses packages that change their users' global types.
  if (/^\/\/\/\s*<reference\s+(no-default-)?lib/m.test(text)) {
    out.push(`${path}: a lib reference is not publishable`);
  }
  // An entry is also imported for the module graph alone. That must have no effect.
  if (path.startsWith("workers/") && !text.includes('if ("WorkerGlobalScope" in globalThis)')) {
    out.push(`${path}: the entry does not ask whether it is in a worker`);
  }
  return out;
}

/** The part of `deno.json` that {@linkcode judgeExports} reads. */
export interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
}

/** Subpaths that are not the name of their room. */
const SUBPATHS: Readonly<Record<string, string>> = {
  "./errors": "./lib/errors.ts",
  "./tar": "./lib/codec/tar/mod.ts",
  "./compress": "./lib/codec/compress/mod.ts",
  "./erofs": "./lib/codec/erofs/mod.ts",
  // The command itself, so that it can be installed; as a library it exports what mod.ts does.
  "./cli": "./lib/cli/main.ts",
};

/** Rooms that users reach by a subpath of the same name. */
const PUBLIC: readonly string[] = [
  "digest",
  "oci",
  "tree",
  "layer",
  "store",
  "image",
  "archive",
  "registry",
  "snapshot",
  "containerd",
];

/** A subpath exists exactly when its room does. */
export async function judgeExports(root: string, manifest: Manifest): Promise<string[]> {
  const out: string[] = [];
  const files = new Set(await listSources(root));
  const wanted = { ".": "./mod.ts", ...SUBPATHS } as Record<string, string>;
  for (const room of ROOMS) {
    if (PUBLIC.includes(room.name)) wanted[`./${room.name}`] = `./lib/${room.name}/mod.ts`;
  }
  for (const [subpath, file] of Object.entries(wanted)) {
    const exists = files.has(file.slice(2));
    const named = manifest.exports[subpath];
    if (exists && named !== file) out.push(`deno.json: ${subpath} must name ${file}`);
    if (!exists && named !== undefined) out.push(`deno.json: ${subpath} names ${file}: no file`);
  }
  for (const subpath of Object.keys(manifest.exports)) {
    if (!(subpath in wanted)) out.push(`deno.json: ${subpath} is no subpath of the design`);
  }
  return out.sort();
}
