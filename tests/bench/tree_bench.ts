// Figures of the tree: build, apply, edit, fold, store and open. `deno run -A tests/bench/tree_bench.ts [entries]`.
import { fromText, timestamp } from "../../lib/bytes/mod.ts";
import type { DiffId } from "../../lib/digest/mod.ts";
import { type FileNode, TreeBuilder } from "../../lib/tree/mod.ts";
const SOURCE = `sha256:${"ab".repeat(32)}` as DiffId;
const entries = Number(Deno.args[0] ?? 1_000_000);
export function buildLarge(count: number) {
  const builder = new TreeBuilder({ kind: "root" });
  const common = { mode: 0o644, uid: 0, gid: 0, mtime: timestamp(1700000000), xattrs: [] };
  const directory = { ...common, mode: 0o755, type: "directory" as const, opaque: false, implied: false };
  const digest = new Uint8Array(32);
  let made = 0;
  for (let a = 0; made < count; a++) {
    const top = builder.put(0, fromText(`package-${a}`), directory);
    made++;
    for (let b = 0; b < 16 && made < count; b++) {
      const dir = builder.put(top, fromText(`lib${b}`), directory);
      made++;
      for (let c = 0; c < 11 && made < count; c++) {
        const node: FileNode = { ...common, type: "file", size: 1000 + c, digest: null, locator: null, group: null };
        const id = builder.put(dir, fromText(`module_${c}.d.ts`), node);
        digest[0] = made; digest[1] = made >>> 8; digest[2] = made >>> 16; digest[3] = 1;
        builder.content(id, digest, [{ logical: 0, length: 1000 + c, position: made * 2048 }]);
        made++;
      }
    }
  }
  return builder;
}
for (let r = 0; r < 3; r++) {
  const t0 = performance.now();
  const b = buildLarge(entries);
  const t1 = performance.now();
  const tree = b.finish(SOURCE);
  const t2 = performance.now();
  // deno-lint-ignore no-explicit-any
  console.log(t1 - t0, t2 - t1, tree.count, tree.digest, (tree as any).segment.bytes / tree.count);
}
