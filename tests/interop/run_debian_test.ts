/** What containers change becomes an image that runs everywhere: a real Debian here, a small one in Docker and podman. */
import { assertEquals } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { CONTAINER_TOOLS, containerFixture } from "../support/peers/container_fixture.ts";
import { DEBIAN_TOOLS, debianImage } from "../support/peers/debian.ts";
import { startDocker } from "../support/peers/docker.ts";
import { podmanIn } from "../support/peers/podman.ts";

const NEW = "example.org/changed:1";

/** Writes one file, deletes one and changes one. */
const CHANGE = "echo new >/srv/new && rm /etc/issue.net && echo changed >>/etc/issue && exit 7";
/** What the new image shows of that. */
const LOOK =
  "cat /srv/new; tail -n 1 /etc/issue; ls /etc/issue.net 2>/dev/null; . /etc/os-release; echo $ID";

Deno.test({
  name: "run: Debian changed under runc and under crun is one layer with just the changes",
  ...needs({ root: true, mount: true, tools: [...DEBIAN_TOOLS, "runc", "crun"] }),
  fn: async () => {
    const image = await debianImage();
    await using temp = await tempDir("varve-debian-");
    const varve = new Cli(temp.join("store"));
    const { images: [{ name }] } = await varve.json(["load", image.layout]);
    const rows = (report: unknown) => JSON.stringify(report).match(/"diffId":"[^"]+"/g) ?? [];
    for (const runtime of ["runc", "crun"]) {
      const on = ["--runtime", runtime];
      const changing = ["run", "--name", runtime, ...on, name, "--", "bash", "-c", CHANGE];
      assertEquals((await varve.any(changing)).code, 7);
      assertEquals((await varve.text(["diff", runtime])).split("\n").sort(), [
        "",
        "A /srv/new",
        "D /etc/issue.net",
        "M /etc",
        "M /etc/issue",
        "M /srv",
      ]);
      await varve.json(["commit", runtime, NEW]);
      const before = rows(await varve.json(["layers", name]));
      const after = rows(await varve.json(["layers", NEW]));
      assertEquals([after.slice(0, -1), after.length], [before, before.length + 1]);
      const looking = ["run", "--rm", ...on, NEW, "--", "bash", "-c", LOOK];
      assertEquals(await varve.text(looking), "new\nchanged\ndebian\n");
    }
  },
});

Deno.test({
  name: "run: what a container changed runs in Docker and in podman",
  ...needs({
    root: true,
    mount: true,
    tools: [...CONTAINER_TOOLS, "podman", "docker", "dockerd"],
  }),
  fn: async () => {
    await using fixture = await containerFixture();
    const { varve, temp } = fixture;
    const change = "echo new >/tmp/new; rm /noexec; echo changed >>/etc/group";
    await varve.text(["run", "--name", "k", BOX, "--", "sh", "-c", change]);
    await varve.json(["commit", "k", NEW]);
    const tar = temp.join("changed.tar");
    await varve.text(["save", NEW, "-o", tar]);
    const look = "cat /tmp/new; ls /noexec 2>/dev/null";
    const words = ["--rm", "--network", "none", NEW, "sh", "-c"];
    const script = `${look}; grep -c changed /etc/group`;
    const seen = "new\n1\n";
    assertEquals(await varve.text(["run", "--rm", NEW, "--", "sh", "-c", script]), seen);

    await using docker = await startDocker();
    await run([...docker.command, "load", "-q", "-i", tar]);
    assertEquals((await run([...docker.command, "run", ...words, script])).stdout, seen);

    // podman's own runtime, crun, refuses machines with cgroups of both versions.
    const podman = podmanIn(temp, ["--runtime", "runc", "--cgroup-manager", "cgroupfs"]);
    const env = { TMPDIR: temp.path };
    await run([...podman, "load", "-q", "-i", tar], { env });
    assertEquals((await run([...podman, "run", ...words, script], { env })).stdout, seen);
    await run([...podman, "rmi", "-f", NEW], { env });
  },
});
