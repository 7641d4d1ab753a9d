import { assertEquals } from "@std/assert";
import { run } from "../../../support/machine/process.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const CHILD = new URL("./exhausted_child.ts", import.meta.url).pathname;

Deno.test("a file that cannot be opened, because too many are open, is not damaged", async () => {
  await using temp = await tempDir();
  await Deno.writeTextFile(temp.join("image"), "image");
  await Deno.writeTextFile(temp.join("image.json"), "{}");
  const limited = ["bash", "-c", `ulimit -n 100 && exec "$@"`, "bash"];
  const { stdout } = await run([...limited, Deno.execPath(), "run", "-A", CHILD, temp.path]);
  assertEquals(JSON.parse(stdout), {
    hash: "E_SYSCALL EMFILE",
    tree: "E_SYSCALL EMFILE",
    composed: "E_SYSCALL EMFILE",
  });
});
