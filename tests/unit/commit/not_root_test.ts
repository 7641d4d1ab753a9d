// Commits of a user who is not root: what could not be set when layers were extracted is no change.
import { assertEquals } from "@std/assert";
import { needs } from "../../support/machine/needs.ts";
import { runAsNobody } from "../../support/machine/run_as_nobody.ts";

const NOBODY = "65534:65534";

Deno.test({
  name: "not root: commit and save keep the image's owners, devices and attributes",
  ...needs({ root: true, tools: ["setpriv"] }),
  async fn() {
    const entry = new URL("../../support/snapshots/nobody_commit.ts", import.meta.url);
    const { dropped, before, after, ...rest } = await runAsNobody(entry) as {
      dropped: Record<string, number>;
      before: string[];
      after: string[];
    };
    const changed = [
      "d directory 3:4",
      "d/edit file 7:0",
      "gone whiteout",
      `new file ${NOBODY}`,
      `own directory ${NOBODY}`,
    ];
    assertEquals(rest, { same: 0, changed, child: true, saved: true } as never);
    const kept = (path: string) => (line: string) => line.startsWith(`${path} `);
    for (const path of ["cap", "closed", "d", "d/f", "d/twin", "link", "null"]) {
      assertEquals(after.find(kept(path)), before.find(kept(path)), path);
    }
    assertEquals(before.find(kept("cap")), "cap file 0:0 security.capability");
    assertEquals(before.find(kept("null")), "null char 0:0");
    // An unpack counts what it could not set. What nobody made is nobody's in the image, too.
    assertEquals(dropped, {
      "owner": 7,
      "device": 1,
      "xattr-trusted": 0,
      "xattr-security": 1,
      "xattr-unsupported": 0,
      "time": 0,
    });
  },
});
