/** `varve cp` into and out of a container that runs. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import {
  CONTAINER_TOOLS,
  containerFixture,
  RUNTIME_NAMES,
  startContainer,
} from "../support/peers/container_fixture.ts";

for (const runtime of RUNTIME_NAMES) {
  Deno.test({
    name: `cp (${runtime}): a running container sees the file, and its volumes do not get it`,
    ...needs({ root: true, mount: true, tools: CONTAINER_TOOLS }),
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve, temp } = fixture;
      await Deno.mkdir(temp.join("volume"));
      await Deno.writeTextFile(temp.join("go"), "from outside\n");
      const script =
        "until test -e /data/sub/go; do sleep 0.02; done; cat /data/sub/go > /answer; " +
        "cat /data/sub/go; until test -e /done; do sleep 0.02; done";
      const running = await startContainer(fixture, "work", [
        ...["--runtime", runtime, "-v", `${temp.join("volume")}:/data/sub/volume`, BOX, "--"],
        ...["sh", "-c", `mkdir -p /data/sub; ${script}`],
      ]);
      await varve.text(["cp", temp.join("go"), "work:/data/sub/volume/"]);
      assertEquals(await Array.fromAsync(Deno.readDir(temp.join("volume"))), []);
      await varve.text(["cp", temp.join("go"), "work:/data/sub/"]);
      while ((await varve.any(["cp", "work:/answer", temp.join("answer")])).code !== 0);
      await varve.text(["cp", temp.join("go"), "work:/done"]);
      const { code, stdout } = await running.child.output();
      assertEquals([code, new TextDecoder().decode(stdout)], [0, "from outside\n"]);
      // What is below the volume shows when the container has ended.
      assertEquals(await varve.text(["cat", "work:/data/sub/volume/go"]), "from outside\n");
    },
  });
}

Deno.test({
  name: "cp into a container that runs with a read-only root is refused until it has ended",
  ...needs({ root: true, mount: true, tools: CONTAINER_TOOLS }),
  fn: async () => {
    await using fixture = await containerFixture();
    const { varve, temp } = fixture;
    await Deno.mkdir(temp.join("volume"));
    await Deno.writeTextFile(temp.join("f"), "f\n");
    const running = await startContainer(fixture, "work", [
      ...["--read-only", "-v", `${temp.join("volume")}:/tmp`, BOX, "--"],
      ...["sh", "-c", "until test -e /tmp/done; do sleep 0.02; done"],
    ]);
    for (const to of ["work:/etc/", "work:/tmp/"]) {
      const { code, stderr } = await varve.any(["cp", temp.join("f"), to]);
      assertEquals(code, 6, stderr);
      assertStringIncludes(stderr, "read-only root");
    }
    assertEquals((await varve.any(["cat", "work:/etc/f"])).code, 4);
    await Deno.writeTextFile(temp.join("volume/done"), "");
    assertEquals((await running.child.output()).code, 0);
    await varve.text(["cp", temp.join("f"), "work:/etc/"]);
    assertEquals(await varve.text(["cat", "work:/etc/f"]), "f\n");
  },
});
