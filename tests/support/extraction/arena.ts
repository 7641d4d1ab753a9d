/** Layers made from fixtures and extracted beside victims that must stay as they are. */
import { createHash } from "node:crypto";
import { type ByteString, escapeForTerminal, fromText, toBytes } from "../../../lib/bytes/mod.ts";
import { TarReader } from "../../../lib/codec/tar/mod.ts";
import { type DiffId, parseDigest } from "../../../lib/digest/mod.ts";
import { extractTree } from "../../../lib/directory/extract/extract_tree.ts";
import type { ExtractOptions } from "../../../lib/directory/internal.ts";
import type { ExtractReport } from "../../../lib/directory/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { applyLayer, LayerBuilder } from "../../../lib/layer/mod.ts";
import {
  closeFd,
  CWD,
  type Fd,
  getXattrAt,
  listXattrAt,
  openDirectoryAt,
  readDirectory,
  readFileAt,
  readLinkAt,
  type Stat,
  statAt,
} from "../../../lib/linux/mod.ts";
import { emptyTree, type Tree } from "../../../lib/tree/mod.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";
import { type TarFixture, tarOf } from "../tar/tar_fixture.ts";

/** A layer and the tar it came from. */
export interface Layer {
  readonly tree: Tree;
  readonly diffId: DiffId;
  readonly tar: Uint8Array<ArrayBuffer>;
}

/** Reads a tar as a layer, as a pull does. @throws {VarveError} the code that a hostile layer is refused with */
export function layerOf(entries: readonly TarFixture[] | Uint8Array<ArrayBuffer>): Layer {
  const tar = entries instanceof Uint8Array ? entries : tarOf(entries);
  const diffId = parseDigest(`sha256:${createHash("sha256").update(tar).digest("hex")}`) as DiffId;
  const builder = new LayerBuilder();
  let hash: ReturnType<typeof createHash> | undefined;
  const reader = new TarReader({
    entry(entry): void {
      hash = builder.entry(entry) ? createHash("sha256") : undefined;
    },
    data(chunk): void {
      hash?.update(chunk);
    },
    hole(length): void {
      hash?.update(new Uint8Array(length));
    },
    endEntry(): void {
      if (hash !== undefined) builder.content(new Uint8Array(hash.digest()));
    },
  });
  reader.push(tar);
  reader.end();
  return { tree: builder.finish(diffId).tree, diffId, tar };
}

/** The root tree of layers, lowest first. */
export function rootTreeOf(layers: readonly Layer[]): Tree {
  return layers.reduce((base, layer) => applyLayer(base, layer.tree), emptyTree("root"));
}

/** A directory to extract into, with victims beside it that no extraction may change. */
export interface Arena extends AsyncDisposable {
  readonly temp: TempDir;
  /** The target, an empty directory. */
  readonly root: string;
  /** The victim's directory. */
  readonly victim: string;
  /** Extracts the first layer; with `tree` in the options, that tree, whose content lies in the layers. */
  extract(layers: readonly Layer[], options?: Partial<ExtractOptions>): ExtractReport;
  /** What has changed outside of the target, a line for each path; empty when nothing has. */
  damage(): string[];
}

/** Full access for the overlay driver. */
export const OVERLAY_POLICY = { whiteouts: "overlay", owners: "keep", devices: "keep" } as const;

/** Makes an arena on the file system of `TMPDIR`. */
export async function arena(): Promise<Arena> {
  const temp = await tempDir("varve-extract-");
  await Deno.mkdir(temp.join("root"), { mode: 0o755 });
  await Deno.mkdir(temp.join("layers"));
  await Deno.mkdir(temp.join("victim", "sub"), { recursive: true });
  await Deno.writeTextFile(temp.join("victim", "hello"), `hello ${crypto.randomUUID()}`);
  await Deno.mkdir(temp.join("root-evil"));
  await Deno.writeTextFile(temp.join("root-evil", "secret"), "secret");
  await Deno.mkdir(temp.join("locked"), { mode: 0o000 });
  const outside = () =>
    ["victim", "root-evil", "locked"].flatMap((name) => [...listing(temp.join(name), true)])
      .map(([path, line]) => `${path} ${line}`);
  const before = outside();
  return {
    temp,
    root: temp.join("root"),
    victim: temp.join("victim"),
    extract(layers, options = {}): ExtractReport {
      const contents = writeTars(layers, temp.join("layers"));
      return extractTree({
        tree: (layers[0] as Layer).tree,
        target: fromText(temp.join("root")),
        contents,
        policy: OVERLAY_POLICY,
        ...options,
      });
    },
    damage(): string[] {
      const after = outside();
      const changed = after.filter((line) => !before.includes(line));
      const gone = before.filter((line) => !after.includes(line));
      const victims = inodesOf(temp.join("victim")).union(inodesOf(temp.join("root-evil")));
      const inside = [...inodesOf(temp.join("root"))].filter((inode) => victims.has(inode));
      return [...gone.map((line) => `- ${line}`), ...changed.map((line) => `+ ${line}`), ...inside];
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await temp[Symbol.asyncDispose]();
    },
  };
}

function writeTars(layers: readonly Layer[], directory: string): Map<DiffId, ByteString> {
  const contents = new Map<DiffId, ByteString>();
  for (const { tar, diffId } of layers) {
    const path = `${directory}/${diffId.slice(7, 23)}.tar`;
    Deno.writeFileSync(path, tar);
    contents.set(diffId, fromText(path));
  }
  return contents;
}

/** The code of the `VarveError` that a call throws; `"ok"` when it throws nothing. */
export function verdictOf(act: () => unknown): string {
  try {
    act();
    return "ok";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

/** Every path below a directory (escaped; `.` is the directory itself), with a line of all attributes. */
export function listing(directory: string, withTimes = false): Map<string, string> {
  const out = new Map<string, string>();
  visit(fromText(directory), (path, fd, name, stat) => {
    const xattrs = listXattrAt(fd, name).sort()
      .map((xattr) =>
        `${xattr}=${escapeForTerminal(getXattrAt(fd, name, xattr) ?? "" as ByteString)}`
      );
    const { mtime, ctime } = stat;
    out.set(
      withTimes ? `${directory}/${path}` : path,
      [
        stat.type,
        (stat.mode as number).toString(8).padStart(4, "0"),
        `${stat.uid}:${stat.gid}`,
        ...(stat.type === "directory" ? [] : [`n${stat.nlink}`]),
        ...(stat.type === "char" || stat.type === "block" ? [`${stat.major}:${stat.minor}`] : []),
        `${mtime.hi * 2 ** 32 + mtime.lo}.${String(mtime.ns).padStart(9, "0")}`,
        ...(withTimes ? [`c${ctime.lo}.${ctime.ns}`] : []),
        ...(stat.type === "symlink" ? [`-> ${escapeForTerminal(readLinkAt(fd, name))}`] : []),
        ...(stat.type === "file" ? [`${stat.size} ${digestOf(fd, name)}`] : []),
        ...xattrs,
      ].join(" "),
    );
  });
  return out;
}

function digestOf(fd: Fd, name: ByteString): string {
  const hash = createHash("sha256").update(toBytes(readFileAt(fd, name, 1 << 30)));
  return hash.digest("hex").slice(0, 12);
}

function inodesOf(directory: string): Set<string> {
  const out = new Set<string>();
  visit(fromText(directory), (_path, _fd, _name, stat) => out.add(`${stat.device} ${stat.inode}`));
  return out;
}

type Visitor = (path: string, fd: Fd, name: ByteString, stat: Stat) => void;

function visit(directory: ByteString, visitor: Visitor): void {
  const top = openDirectoryAt(CWD, directory);
  try {
    visitor(".", top, "." as ByteString, statAt(top, "." as ByteString));
    below(top, "", visitor);
  } finally {
    closeFd(top);
  }
}

function below(fd: Fd, prefix: string, visitor: Visitor): void {
  const names = [...readDirectory(fd)].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, type } of names) {
    const path = `${prefix}${escapeForTerminal(name)}`;
    visitor(path, fd, name, statAt(fd, name));
    if (type !== "directory") continue;
    const child = openDirectoryAt(fd, name);
    try {
      below(child, `${path}/`, visitor);
    } finally {
      closeFd(child);
    }
  }
}
