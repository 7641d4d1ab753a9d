/** Changes that are made to a plain directory and to a mounted snapshot, which must then be equal. */
import { assertEquals } from "@std/assert";
import { listing } from "../extraction/arena.ts";
import { mountAt, type SnapshotFixture } from "./snapshot_fixture.ts";

/** Changes a directory. */
export type Change = (root: string) => Promise<void>;

export function writeFile(path: string, content: string, mode = 0o644): Change {
  return async (root) => {
    await Deno.writeTextFile(`${root}/${path}`, content);
    await Deno.chmod(`${root}/${path}`, mode);
  };
}

export function makeDirectory(path: string, mode = 0o755): Change {
  return async (root) => {
    await Deno.mkdir(`${root}/${path}`);
    await Deno.chmod(`${root}/${path}`, mode);
  };
}

export function removeAll(path: string): Change {
  return (root) => Deno.remove(`${root}/${path}`, { recursive: true });
}

export function chown(path: string, uid: number, gid: number): Change {
  return (root) => Deno.chown(`${root}/${path}`, uid, gid);
}

export function link(from: string, to: string): Change {
  return (root) => Deno.link(`${root}/${from}`, `${root}/${to}`);
}

export function rename(from: string, to: string): Change {
  return (root) => Deno.rename(`${root}/${from}`, `${root}/${to}`);
}

/**
 * Makes a snapshot for each list of changes, each on top of the one before. Compares them on the way
 * with a plain directory that had the same changes.
 *
 * @returns the name of the last committed snapshot
 */
export async function checkSnapshots(
  fixture: SnapshotFixture,
  layers: readonly (readonly Change[])[],
): Promise<string> {
  const { snapshotter, temp } = fixture;
  const flat = temp.join(`flat-${crypto.randomUUID()}`);
  await Deno.mkdir(flat);
  await Deno.chmod(flat, 0o755);
  let parent: string | null = null;
  for (const [index, changes] of layers.entries()) {
    const key = `${flat}/${index}`;
    {
      await using mounted = await fixture.mount(await snapshotter.prepare(key, parent));
      // Of many layers only some are compared: all would cost the square of their number.
      const isCompared = index % Math.ceil(layers.length / 10) === 0;
      if (isCompared) assertSame(mounted.path, flat);
      for (const change of changes) {
        await change(flat);
        await change(mounted.path);
      }
      if (isCompared) assertSame(mounted.path, flat);
    }
    const name = `${key}-committed`;
    await snapshotter.commit(name, key);
    parent = name;
  }
  const view = `${flat}/view`;
  await using mounted = await mountAt(await snapshotter.view(view, parent), temp.join("view"));
  assertSame(mounted.path, flat);
  return parent as string;
}

/** Compares everything but times and numbers of links, which overlays show differently. */
function assertSame(actual: string, expected: string): void {
  const show = (path: string) =>
    new Map(
      [...listing(path)].map(([path, line]) => [path, line.replace(/ n\d+(?= )| \d+\.\d{9}/g, "")]),
    );
  assertEquals(show(actual), show(expected));
}
