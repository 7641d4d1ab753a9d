/** A store with an image, snapshots and everything that drivers derive, to damage on purpose. */
import { DatabaseSync } from "node:sqlite";
import { commandOn, type CommandResult, type TerminalOptions } from "../cli/in_process.ts";
import { archiveTar, type BuiltImage, ociFiles } from "../images/images.ts";
import { sampleImage } from "../images/sample_image.ts";
import { run } from "../machine/process.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";

/** Name of the image in the store. */
export const NAME = "example.org/sample:1";
/** Number of the layer of the image that is packed with gzip, and of the one that is not packed. */
export const GZIP = 0, PLAIN = 2;
/** What a user wrote into the snapshot `work`. */
export const WRITTEN = "by a user";

/** A store to damage. */
export interface SickStore extends AsyncDisposable {
  readonly root: string;
  readonly image: BuiltImage;
  /** Path of an archive that holds the image. */
  readonly archive: string;
  /** Runs a command on it. */
  on(args: readonly string[], options?: TerminalOptions): Promise<CommandResult>;
  /** Absolute path of a file in it. */
  path(...parts: string[]): string;
  /** Absolute path of the directory of a layer, by its number in the image, with a name in it. */
  layer(number: number, name?: string): string;
  /** Absolute path of the directory of the image's chain, with a name in it. */
  chain(name?: string): string;
  /** Absolute path of the directory of a snapshot, with a name in it. */
  snapshot(key: string, name?: string): string;
  /** Absolute path of a blob. */
  blob(digest: string): string;
  /** Changes rows behind the back of the store. */
  sql(text: string, ...values: (string | number | null)[]): void;
  /** The rows of a query. */
  rows(text: string, ...values: (string | number)[]): Record<string, unknown>[];
}

/** The directory that all stores of a test file are copied from: to make it takes longer than most tests. */
let template: Promise<TempDir> | undefined;

Deno.test.afterAll(async () => {
  await (await template)?.[Symbol.asyncDispose]();
});

/** Makes the store, and beside it the archive. Nothing stays mounted. */
async function makeTemplate(): Promise<TempDir> {
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir("varve-fsck-", "/var/tmp"));
  const archive = temp.join("app.tar");
  await Deno.writeFile(archive, archiveTar(ociFiles([sampleImage()])));
  const on = commandOn(temp.join("store"));
  const must = async (...args: string[]) => {
    const { code, stderr } = await on(args);
    if (code !== 0) throw new Error(`${args}: ${stderr}`);
  };
  await must("load", archive, "--quiet");
  await Deno.mkdir(temp.join("mnt"));
  // Each of the drivers derives its own form of the layers.
  await must("--driver", "erofs", "mount", NAME, temp.join("mnt"), "--rw", "work");
  await Deno.writeTextFile(temp.join("mnt/written"), WRITTEN);
  await must("umount", temp.join("mnt"));
  await must("--driver", "overlay", "mount", NAME, temp.join("mnt"));
  await must("umount", temp.join("mnt"));
  await must("--driver", "native", "mount", NAME, temp.join("mnt"));
  await must("umount", temp.join("mnt"));
  await must("snapshot", "label", "work", "made.by=a test");
  stack.move();
  return temp;
}

/** Gives a store of its own to a test. Its drivers need root and the right to mount, though nothing is mounted. */
export async function sickStore(): Promise<SickStore> {
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir("varve-fsck-", "/var/tmp"));
  const { path } = await (template ??= makeTemplate());
  // All at once, because blobs are hard links to layers.
  await run(["cp", "-a", `${path}/.`, temp.path]);
  const root = temp.join("store"), archive = temp.join("app.tar");
  const image = sampleImage();
  const owned = stack.move();
  const query = (text: string, ...values: (string | number | null)[]) => {
    using db = new DatabaseSync(`${root}/meta.db`);
    return db.prepare(text).all(...values) as Record<string, unknown>[];
  };
  const home = (kind: string, sql: string, key: string, name?: string) => {
    const id = query(sql, key)[0]?.cache_id;
    return [root, kind, String(id), ...(name === undefined ? [] : [name])].join("/");
  };
  return {
    root,
    image,
    archive,
    on: commandOn(root),
    path: (...parts) => [root, ...parts].join("/"),
    layer: (number, name) =>
      home(
        "layers",
        "SELECT cache_id FROM layer WHERE diff_id = ?",
        image.layers[number]?.diffId ?? "",
        name,
      ),
    chain: (name) =>
      home("chains", "SELECT cache_id FROM chain WHERE chain_id = ?", image.chainId, name),
    snapshot: (key, name) =>
      home("snapshots", "SELECT cache_id FROM snapshot WHERE key = ?", key, name),
    blob: (digest) => `${root}/content/blobs/${digest.replace(":", "/")}`,
    sql: (text, ...values) => void query(text, ...values),
    rows: query,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A finding as the command prints it. */
export interface PrintedFinding {
  readonly kind: string;
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
  readonly affects: readonly string[];
  readonly healedBy: string;
}

/** Runs a check and returns what it finds. The exit code must fit. */
export async function findings(
  store: Pick<SickStore, "on">,
  ...args: string[]
): Promise<PrintedFinding[]> {
  const { code, stdout, stderr } = await store.on([...args, "--format", "json"]);
  if (code !== 0 && code !== 3) throw new Error(`${args}: ${code}: ${stderr}`);
  const found = JSON.parse(stdout);
  if ((found.length === 0) !== (code === 0)) throw new Error(`${args}: ${code}: ${stdout}`);
  return found;
}

/** Changes one byte of a file in place, and keeps its size, mode and times. */
export async function flip(path: string, at: number | "middle" = "middle"): Promise<void> {
  const { mode, atime, mtime, size } = await Deno.stat(path);
  await Deno.chmod(path, 0o600);
  {
    using file = await Deno.open(path, { read: true, write: true });
    const position = at === "middle" ? Math.floor(size / 2) : at;
    const byte = new Uint8Array(1);
    await file.seek(position, Deno.SeekMode.Start);
    await file.read(byte);
    await file.seek(position, Deno.SeekMode.Start);
    await file.write(byte.map((value) => value ^ 1));
  }
  await Deno.chmod(path, (mode ?? 0) & 0o7777);
  await Deno.utime(path, atime ?? new Date(), mtime ?? new Date());
}

/** Cuts a file in half. */
export async function cut(path: string): Promise<void> {
  await Deno.truncate(path, Math.floor((await Deno.stat(path)).size / 2));
}

/** Lets the store believe that a config names other layers. */
export function forgeParts(store: SickStore): void {
  store.sql("DROP TRIGGER part_update");
  store.sql(
    "UPDATE part SET digest = replace(digest, ':', ':0') WHERE document = ? AND role = 'layer'",
    store.image.imageId,
  );
}

/** Moves something out of the store, and leaves a link to it in its place. */
export async function linkAway(path: string): Promise<void> {
  const away = `${path.slice(0, path.indexOf("/store/"))}/away`;
  await Deno.rename(path, away);
  await Deno.symlink(away, path);
}

/** Changes the digit behind a text in a marker. */
export async function turnDigit(path: string, text: string): Promise<void> {
  const marker = await Deno.readTextFile(path);
  const at = marker.indexOf(text) + text.length;
  await Deno.remove(path);
  const digit = marker[at] === "0" ? "1" : "0";
  await Deno.writeTextFile(path, marker.slice(0, at) + digit + marker.slice(at + 1), {
    mode: 0o400,
  });
}
