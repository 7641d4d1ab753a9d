/** A store whose directory hands an ACL and its group down to all that is made in it. */
import { assertEquals } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { listDirectory } from "../support/trees/directory_differences.ts";

const NAME = "example.org/app:1";
const LAYERS = [[{ name: "./", mode: 0o755 }, { name: "bin/" }, { name: "bin/a", content: "a" }]];

for (const driver of ["erofs", "overlay", "native"]) {
  Deno.test({
    name: `${driver}: what a store inherits is not in a snapshot, nor in what is committed of it`,
    ...needs({ root: true, mount: true, kernel: "6.12", tools: ["setfacl", "chgrp"] }),
    async fn() {
      await using temp = await tempDir("varve-inherited-", "/var/tmp");
      const [target, bare] = [temp.join("mnt"), temp.join("bare")];
      await Deno.mkdir(temp.join("above"));
      await run(["chgrp", "12", temp.join("above")]);
      await Deno.chmod(temp.join("above"), 0o2755);
      await run(["setfacl", "-d", "-m", "u:1000:rwx,g::rwx,o::rwx", temp.join("above")]);
      const varve = new Cli(temp.join("above/store"), { env: { VARVE_DRIVER: driver } });
      const image = buildImage({ name: NAME, layers: LAYERS });
      await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
      for (const path of [target, bare]) await Deno.mkdir(path);
      await varve.text(["load", temp.join("app.tar")]);
      await varve.text(["unpack", NAME, temp.join("unpacked")]);
      await varve.text(["mount", NAME, target, "--rw", "key"]);
      assertEquals(listDirectory(target), listDirectory(temp.join("unpacked")));
      for (const root of [target, temp.join("unpacked")]) {
        await run([
          "sh",
          "-c",
          'umask 022; cd "$1"; touch f -d @1; mkdir d; touch -d @1 d .',
          "sh",
          root,
        ]);
      }
      assertEquals(listDirectory(target), listDirectory(temp.join("unpacked")));
      await varve.text(["umount", target]);
      await varve.text(["commit", "key", "example.org/app:2"]);
      await varve.text(["unpack", "example.org/app:2", temp.join("again")]);
      assertEquals(listDirectory(temp.join("again")), listDirectory(temp.join("unpacked")));
      assertEquals(listDirectory(temp.join("again")).size, 5);
    },
  });
}
