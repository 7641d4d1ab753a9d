import { assertEquals } from "@std/assert";
import type { Call } from "../support/faults/supervisor.ts";
import { orderFindings } from "./order.ts";

/** Calls as text: `rename store/a store/b`. */
function findings(text: string): string[] {
  const calls = text.trim().split("\n").map((line, at): Call => {
    const [name = "", ...paths] = line.trim().split(" ");
    return { number: at + 1, name, paths: paths.map((path) => `/s/${path}`) };
  });
  const existing = new Set(["", "/store", "/store/layers", "/out"].map((path) => `/s${path}`));
  return orderFindings(calls, { root: "/s/store", existing });
}

/** A layer that becomes visible; each line of it is needed. */
const LAYER = `
mkdir store/ingest/1
open store/ingest/1/layer.tar
write store/ingest/1/layer.tar
sync store/ingest/1/layer.tar
sync store/ingest/1
rename store/ingest/1 store/layers/7
sync store/layers
write store/meta.db-wal
sync store/meta.db-wal`;

Deno.test("J08: calls in their order are no finding", () => {
  assertEquals(findings(LAYER), []);
  assertEquals(findings("open store/ingest/x.lock\nwrite store/ingest/x.lock"), []);
});

Deno.test("J08: each sync that is missing is found", () => {
  const without = (line: string) => findings(LAYER.replace(`${line}\n`, ""));
  assertEquals(without("sync store/ingest/1/layer.tar"), [
    "store/layers/7/layer.tar: open is not synced before rename",
    "store/layers/7/layer.tar: open is not synced when the database is committed",
    "store/layers/7/layer.tar: open is not synced at the end",
  ]);
  assertEquals(
    without("sync store/ingest/1")[0],
    "store/layers/7/layer.tar: the name is not synced before rename",
  );
  assertEquals(without("sync store/layers"), [
    "store/layers/7: the name by rename is not synced when the database is committed",
    "store/layers/7: the name by rename is not synced at the end",
  ]);
});

Deno.test("J08: a sync that comes too late is found", () => {
  const late = LAYER.replace("sync store/layers\n", "") + "\nsync store/layers";
  assertEquals(findings(late), [
    "store/layers/7: the name by rename is not synced when the database is committed",
  ]);
  const after = LAYER.replace(
    "sync store/ingest/1\n",
    "sync store/ingest/1\nwrite store/ingest/1/layer.tar\n",
  );
  assertEquals(after === LAYER, false);
  assertEquals(findings(after)[0], "store/layers/7/layer.tar: write is not synced before rename");
});

Deno.test("J08: one sync of the file system serves all, and a hard link shares its bytes", () => {
  assertEquals(
    findings(
      LAYER.replace(/sync store\/(ingest|layers).*\n/g, "").replace(
        "rename",
        "syncfs store\nrename",
      ),
    ).length > 0,
    true,
  );
  assertEquals(
    findings(`
      open store/ingest/a
      write store/ingest/a
      sync store/ingest/a
      link store/ingest/a store/layers/b
      sync store/layers`),
    [],
  );
});

Deno.test("J08: files beside the store are synced before the command ends", () => {
  const save = "open out/.x\nwrite out/.x\nsync out/.x\nrename out/.x out/image.tar";
  assertEquals(findings(save), ["out/image.tar: the name by rename is not synced at the end"]);
  assertEquals(findings(`${save}\nsync out`), []);
  const inside = "open out/.x/a\nrename out/.x/a out/.x/b\n";
  assertEquals(findings(`${inside}sync out/.x/b\nsync out/.x\nrename out/.x out/d\nsync out`), []);
  assertEquals(findings(`${inside}sync out/.x\nrename out/.x out/d\nsync out`), [
    "out/d/b: open is not synced before rename",
    "out/d/b: open is not synced at the end",
  ]);
});

Deno.test("J08: a thing is removed after its row", () => {
  const remove = "rename store/layers/7 store/trash/7";
  const row = "write store/meta.db-wal\nsync store/meta.db-wal\n";
  assertEquals(findings(remove), ["store/layers/7: removed before its row"]);
  assertEquals(findings(row + remove), []);
  assertEquals(findings("rename store/layers/7/fs store/trash/7"), []);
});
