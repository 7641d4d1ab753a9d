/**
 * A second interpreter of a layer's entries: objects, maps and sets, no speed. It shares no code with
 * `lib/layer/`, only the meaning, so that a mistake has to be made twice to stay unseen.
 */
import type { Entry } from "../../../lib/layer/mod.ts";

/** The code that an entry is refused with, or the tree: from each path to a line that describes its node. */
export type ReferenceResult =
  | { readonly code: string; readonly at: number }
  | { readonly nodes: ReadonlyMap<string, string> };

interface Inode {
  type: string;
  mode: number;
  uid: number;
  gid: number;
  mtime: string;
  xattrs: Map<string, string>;
  size: number;
  target: string;
  rdev: string;
  digest: string;
  children?: Map<string, Inode>;
  implied?: boolean;
  opaque?: boolean;
}

class Refused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Interprets entries; the content of a file is named by `contentOf`. */
export function referenceLayer(
  entries: readonly Entry[],
  contentOf: (entry: Entry) => string = () => "",
): ReferenceResult {
  const layer = new Reference(contentOf);
  let at = 0;
  try {
    for (; at < entries.length; at++) layer.entry(entries[at] as Entry);
    layer.whiteouts();
  } catch (error) {
    if (error instanceof Refused) return { code: error.code, at };
    throw error;
  }
  return { nodes: layer.nodes() };
}

class Reference {
  root: Inode = directory(true);
  readonly hidden: string[] = [];
  readonly opaque: string[] = [];
  readonly devices: string[] = [];

  readonly contentOf: (entry: Entry) => string;

  constructor(contentOf: (entry: Entry) => string) {
    this.contentOf = contentOf;
  }

  entry(entry: Entry): void {
    const parts = clean(entry.path);
    const special = parts.findIndex((part) => part.startsWith(".wh."));
    if (special >= 0) {
      const name = parts[special] as string;
      const isLast = special === parts.length - 1;
      const isOpaque = name === ".wh..wh..opq";
      if (name.startsWith(".wh..wh.") && !isOpaque) return;
      if (!isLast) throw new Refused("E_WHITEOUT_TYPE");
      if ([".wh.", ".wh..", ".wh..."].includes(name)) throw new Refused("E_WHITEOUT");
      if (entry.type !== "file" && entry.type !== "hardlink") throw new Refused("E_WHITEOUT_TYPE");
      const way = this.locate(parts.slice(0, -1));
      const isNew = way.findIndex((_, i) => this.at(way.slice(0, i + 1))?.children === undefined);
      if (isNew >= 0 && way.slice(isNew).some((part) => part.startsWith(".wh."))) {
        throw new Refused("E_WHITEOUT_TYPE");
      }
      (isOpaque ? this.opaque : this.hidden).push([...way, name].join("/"));
      return;
    }
    if (entry.type === "hardlink") return this.link(entry, parts);
    if (parts.length === 0) {
      if (entry.type !== "directory") throw new Refused("E_ROOT_TYPE");
      this.root = { ...inodeOf(entry, ""), children: this.root.children ?? new Map() };
      return;
    }
    const isWhiteout = entry.type === "char" && entry.devmajor === 0 && entry.devminor === 0;
    const way = this.resolve(parts.slice(0, -1));
    const parent = this.makeDirectory(way);
    const name = parts.at(-1) as string;
    const old = parent.children?.get(name);
    const inode = isWhiteout
      ? { ...inodeOf(entry, ""), type: "whiteout" }
      : inodeOf(entry, this.contentOf(entry));
    if (inode.children !== undefined && old?.children !== undefined) inode.children = old.children;
    parent.children?.set(name, inode);
    if (isWhiteout) this.devices.push([...way, name].join("/"));
  }

  link(entry: Entry, parts: readonly string[]): void {
    const parentPath = parts.length === 0 ? [] : this.resolve(parts.slice(0, -1));
    const parent = this.makeDirectory(parentPath);
    if (parts.length === 0) throw new Refused("E_ROOT_TYPE");
    if (entry.linkname === "" || entry.linkname.includes("\0")) throw new Refused("E_LINKNAME");
    const target = clean(entry.linkname);
    const where = target.length === 0 ? undefined : this.resolve(target.slice(0, -1), "lenient");
    const inode = where === undefined ? undefined : this.at([...where, target.at(-1) as string]);
    const own = [...parentPath, parts.at(-1) as string];
    if (inode === undefined || inode.children !== undefined || inode.type === "whiteout") {
      throw new Refused("E_LINK_TARGET");
    }
    const full = [...(where ?? []), target.at(-1) as string];
    // The old node of the name goes before the link is made.
    if (own.every((name, i) => full[i] === name)) {
      const old = this.at(own);
      if (own.length === full.length || old?.children !== undefined) {
        throw new Refused("E_LINK_TARGET");
      }
    }
    parent.children?.set(own.at(-1) as string, inode);
    touch(inode, entry);
  }

  /** The path of a directory with its symbolic links resolved; names that do not exist stay as they are. */
  resolve(parts: readonly string[], mode: "strict" | "lenient" = "strict"): string[] {
    const found = this.follow(parts);
    if (Array.isArray(found)) return found;
    if (mode === "lenient") return ["\0nowhere"];
    throw new Refused("E_NOT_DIR");
  }

  /** The path of a whiteout's directory when the whiteout comes. Of a directory below a file, as if the file were not there. */
  locate(parts: readonly string[]): string[] {
    return this.follow(parts, true) as string[];
  }

  follow(parts: readonly string[], passes = false): string[] | "file" {
    let todo = [...parts];
    let here: string[] = [];
    let blocked = false;
    for (let links = 0; todo.length > 0;) {
      const name = todo.shift() as string;
      if (name === "..") {
        here.pop();
        continue;
      }
      const node = blocked ? undefined : this.at([...here, name]);
      if (node?.type === "symlink") {
        if (++links > 40) throw new Refused("E_LOOP");
        if (node.target.startsWith("/")) here = [];
        todo = [...node.target.split("/").filter((part) => part !== "" && part !== "."), ...todo];
      } else if (node === undefined || node.children !== undefined) {
        here.push(name);
      } else {
        if (!passes) return "file";
        blocked = true;
        here.push(name);
      }
    }
    return here;
  }

  at(path: readonly string[]): Inode | undefined {
    let node: Inode | undefined = this.root;
    for (const name of path) node = node?.children?.get(name);
    return node;
  }

  makeDirectory(path: readonly string[]): Inode {
    let node = this.root;
    for (const name of path) {
      const child = node.children?.get(name) ?? directory(true);
      if (!node.children?.has(name) && name.startsWith(".wh.")) {
        throw new Refused("E_WHITEOUT_TYPE");
      }
      node.children?.set(name, child);
      node = child;
    }
    return node;
  }

  /** Applies all whiteouts at once, by sets: hidden paths, opaque directories, and markers inside hidden directories. */
  whiteouts(): void {
    const placed = (list: readonly string[]) =>
      list.map((path) => path.split("/")).filter((path) =>
        path.slice(0, -1).every((_, i) => {
          const node = this.at(path.slice(0, i + 1));
          return node === undefined || node.children !== undefined;
        })
      );
    const plain = placed(this.hidden).map((
      p,
    ) => [...p.slice(0, -1), (p.at(-1) as string).slice(4)]);
    const markers = placed(this.opaque).map((p) => p.slice(0, -1));
    const devices = placed(this.devices);
    const key = (path: readonly string[]) => path.join("/");
    const isThere = new Map(plain.map((path) => [key(path), this.at(path)]));
    const gone = (path: readonly string[], length: number) => {
      for (let i = 1; i <= length; i++) {
        const prefix = path.slice(0, i);
        if (isThere.has(key(prefix)) && isThere.get(key(prefix)) === undefined) return true;
      }
      return false;
    };
    const opaque = new Set<string>();
    for (const path of plain) {
      if (isThere.get(key(path))?.children !== undefined) opaque.add(key(path));
    }
    for (const path of markers) if (!gone(path, path.length)) opaque.add(key(path));
    const isCut = (path: readonly string[]) =>
      path.some((_, i) => opaque.has(key(path.slice(0, i)))) || opaque.has(key(path));
    for (const path of [...plain.map((path) => path.slice(0, -1)), ...markers]) {
      if (!gone(path, path.length)) this.makeDirectory(path);
    }
    for (const path of plain) {
      const parent = path.slice(0, -1);
      if (gone(path, path.length - 1) || isThere.get(key(path)) !== undefined) continue;
      if (isCut(parent)) continue;
      this.at(parent)?.children?.set(path.at(-1) as string, { ...directory(false), ...WHITEOUT });
    }
    for (const path of devices) {
      const parent = this.at(path.slice(0, -1));
      const name = path.at(-1) as string;
      const is = parent?.children?.get(name)?.type === "whiteout";
      if (is && isCut(path.slice(0, -1))) parent?.children?.delete(name);
    }
    for (const path of opaque) {
      const node = path === "" ? this.root : this.at(path.split("/"));
      if (node !== undefined) node.opaque = true;
    }
  }

  nodes(): Map<string, string> {
    const names = new Map<Inode, string[]>();
    const all: [string, Inode][] = [];
    const visit = (node: Inode, prefix: string) => {
      for (const [name, child] of node.children ?? []) {
        const path = prefix + name;
        all.push([path, child]);
        if (child.children === undefined) names.set(child, [...(names.get(child) ?? []), path]);
        else visit(child, `${path}/`);
      }
    };
    visit(this.root, "");
    all.push(["", this.root]);
    return new Map(
      all.map(([path, node]): [string, string] => {
        const links = names.get(node) ?? [];
        return [path, line(node, links.length > 1 ? links.sort()[0] ?? "" : "")];
      }).sort(([a], [b]) => a < b ? -1 : 1),
    );
  }
}

const WHITEOUT: Partial<Inode> = { type: "whiteout", children: undefined as never };

function directory(implied: boolean): Inode {
  return {
    type: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: "0.0.0",
    xattrs: new Map(),
    size: 0,
    target: "",
    rdev: "",
    digest: "",
    children: new Map(),
    implied,
  };
}

function inodeOf(entry: Entry, digest: string): Inode {
  const device = entry.type === "char" || entry.type === "block";
  const inode: Inode = {
    ...directory(false),
    type: entry.type,
    size: entry.type === "file" ? entry.size : 0,
    target: entry.type === "symlink" ? entry.linkname : "",
    rdev: device ? `${entry.devmajor}:${entry.devminor}` : "",
    digest: entry.type === "file" && entry.size > 0 ? digest : "",
  };
  if (entry.type === "symlink" && (entry.linkname === "" || entry.linkname.length > 4095)) {
    throw new Refused("E_LINKNAME");
  }
  if (entry.type !== "directory") delete inode.children;
  touch(inode, entry);
  return inode;
}

/** Gives an inode the attributes of an entry. */
function touch(inode: Inode, entry: Entry): void {
  inode.mode = inode.type === "symlink" ? 0o777 : entry.mode & 0o7777;
  inode.uid = entry.uid;
  inode.gid = entry.gid;
  inode.mtime = `${entry.mtime.hi}.${entry.mtime.lo}.${entry.mtime.ns}`;
  for (const { name, value } of entry.xattrs) {
    const isUser = name.startsWith("user.") && !name.startsWith("user.overlay.");
    if (isUser && ["file", "directory"].includes(inode.type)) inode.xattrs.set(name, value);
  }
}

function clean(path: string): string[] {
  if (path === "") throw new Refused("E_EMPTY_NAME");
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") out.push(part);
    else if (out.pop() === undefined) throw new Refused("E_PATH_ESCAPE");
  }
  return out;
}

/** A line that describes a whole node. */
function line(node: Inode, group: string): string {
  if (node.type === "whiteout") return "whiteout";
  const xattrs = [...node.xattrs].sort(([a], [b]) => a < b ? -1 : 1).map((pair) => pair.join("="));
  const flags = (node.opaque === true ? " opaque" : "") + (node.implied === true ? " implied" : "");
  return `${node.type}${flags} ${node.mode.toString(8)} ${node.uid}:${node.gid} ${node.mtime} ` +
    `[${xattrs}] ${node.size} ${node.digest} ${node.target} ${node.rdev} ${group}`;
}
