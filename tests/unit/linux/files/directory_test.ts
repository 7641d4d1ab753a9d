import { assertEquals } from "@std/assert";
import { fromText } from "../../../../lib/bytes/mod.ts";
import { CWD, openDirectoryAt, ownFd, readDirectory } from "../../../../lib/linux/mod.ts";
import "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

Deno.test("P5: a directory that another process removes while it is open is empty", async () => {
  await using temp = await tempDir();
  const path = temp.join("removed");
  await Deno.mkdir(path);
  await Deno.writeTextFile(`${path}/file`, "");
  using directory = ownFd(openDirectoryAt(CWD, fromText(path)));
  await Deno.remove(path, { recursive: true });
  assertEquals([...readDirectory(directory.fd)], []);
});
