/** A small image that runs: busybox, an `/etc` of its own, two users. */
import type { TarFixture } from "../tar/tar_fixture.ts";
import { buildImage, type BuiltImage } from "./images.ts";

/** Debian's `busybox-static`. */
export const BUSYBOX = "/usr/bin/busybox";

/** The name of the image. */
export const BOX = "example.org/box:1";

const APPLETS = (
  "cat chmod echo env false grep head hostname id kill ls mkdir mount nc ps pwd readlink rm setsid sh " +
  "sleep stat stty sync touch true tty umask uname wc"
).split(" ");

/** When the directories of the image were made, in seconds. */
export const BOX_TIME = 1_000_000_000;

/** Entries of the one layer, followed by `more`. */
export async function boxLayer(more: readonly TarFixture[] = []): Promise<TarFixture[]> {
  const busybox = await Deno.readFile(BUSYBOX);
  return [
    { name: "./", mode: 0o755, mtime: BOX_TIME },
    { name: "bin/", mode: 0o755, mtime: BOX_TIME },
    { name: "bin/busybox", content: busybox, mode: 0o755 },
    ...APPLETS.map((name) => ({ name: `bin/${name}`, target: "busybox" })),
    // Neither mode nor time is a default that could pass for it.
    { name: "etc/", mode: 0o751, mtime: BOX_TIME },
    { name: "etc/passwd", content: PASSWD },
    { name: "etc/group", content: "root:x:0:\nweb:x:33:\nextra:x:44:web,other\n" },
    { name: "tmp/", mode: 0o1777, mtime: BOX_TIME },
    { name: "noexec", content: "#!/bin/sh\n", mode: 0o644 },
    ...more,
  ];
}

const PASSWD = `root:x:0:0:root:/root:/bin/sh
web:x:33:33:web:/srv/web:/bin/sh
malformed
seven:x:7:8::/:/bin/sh
`;

/** Builds the image; `config` is merged over the part of the config that says what runs. */
export async function boxImage(
  config: Readonly<Record<string, unknown>> = {},
  more: readonly TarFixture[] = [],
): Promise<BuiltImage> {
  return buildImage({
    name: BOX,
    packing: "none",
    layers: [await boxLayer(more)],
    config: {
      config: { Env: ["PATH=/bin", "FROM_IMAGE=yes"], Cmd: ["sh", "-c", "echo cmd"], ...config },
    },
  });
}
