/** An image with a little of everything, in a store and mounted, to compare verbs with the programs they stand for. */
import { archiveTar, buildImage, ociFiles } from "../images/images.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";
import type { TarFixture } from "../tar/tar_fixture.ts";
import { Cli } from "./cli.ts";

/** Name of the image. */
export const DAILY = "example.org/daily:1";

const PASSWD = "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:\nuser:x:1000:1000::/home/user:\n";

/** The layers of the image, lowest first. */
export const DAILY_LAYERS: readonly (readonly TarFixture[])[] = [
  [
    { name: "./", mode: 0o755, mtime: 1_500_000_000 },
    { name: "etc/", mtime: 1_500_000_001 },
    { name: "etc/passwd", content: PASSWD },
    { name: "etc/group", content: "root:x:0:\ndaemon:x:1:\nstaff:x:1000:user\n" },
    { name: "etc/hosts", content: "127.0.0.1 localhost\n::1 localhost\n" },
    { name: "etc/.hidden", content: "h", mode: 0o600 },
    { name: "etc/empty", content: "" },
    { name: "bin/", mode: 0o755 },
    { name: "bin/tool", content: "#!/bin/sh\necho tool\n", mode: 0o4755, mtime: 1_400_000_000 },
    { name: "bin/same", type: "hardlink", target: "bin/tool" },
    { name: "bin/sh", target: "tool" },
    { name: "bin/group", content: "x".repeat(5000), mode: 0o2711, gid: 1 },
    { name: "home/user/", mode: 0o700, uid: 1000, gid: 1000 },
    { name: "home/user/notes", content: "old notes\n", uid: 1000, gid: 1000 },
    { name: "home/user/gone", content: "gone", uid: 1000, gid: 1000 },
    { name: "home/user/nobody", content: "nobody knows me\n", uid: 54321, gid: 54322 },
    { name: "data/deep/er/", mode: 0o750 },
    { name: "data/deep/er/big", content: "0123456789abcde\n".repeat(20_000), mtime: 1_700_000_000 },
    { name: "data/binary", content: new Uint8Array([0x6e, 0x6f, 0, 0xff, 0x74, 0x65, 0x0a]) },
    { name: "data/ünï", content: "ünïcode LOCALHOST\n", xattrs: { "user.tag": "a" } },
    { name: "data/two words", content: "no newline at the end" },
    { name: "dev/null", type: "char", major: 1, minor: 3, mode: 0o666 },
    { name: "run/pipe", type: "fifo", mode: 0o600 },
    { name: "tmp/", mode: 0o1777 },
    { name: "home/link", target: "user" },
  ],
  [
    { name: "home/user/", mode: 0o700, uid: 1000, gid: 1000 },
    {
      name: "home/user/notes",
      content: "new notes\nand more\n",
      uid: 1000,
      gid: 1000,
      mode: 0o600,
    },
    { name: "home/user/.wh.gone" },
    { name: "data/deep/small", content: "localhost\n", mtime: "1600000000.123456789" },
  ],
];

/** A store with the image. */
export interface DailyImage extends AsyncDisposable {
  readonly cli: Cli;
  readonly temp: TempDir;
  /** Where it is mounted; absent where it is not. */
  readonly mounted: string;
}

/** Loads the image into a store of its own and, if asked, mounts it until disposal. */
export async function dailyImage(
  { mount = true }: { readonly mount?: boolean } = {},
): Promise<DailyImage> {
  const temp = await tempDir("varve-daily-", "/var/tmp");
  const cli = new Cli(temp.join("store"));
  const archive = temp.join("daily.tar"), mounted = temp.join("mounted");
  const image = buildImage({ name: DAILY, layers: DAILY_LAYERS });
  await Deno.writeFile(archive, archiveTar(ociFiles([image])));
  await cli.text(["load", archive]);
  if (mount) {
    await Deno.mkdir(mounted);
    await cli.text(["mount", DAILY, mounted]);
  }
  return {
    cli,
    temp,
    mounted,
    async [Symbol.asyncDispose]() {
      if (mount) await cli.text(["umount", "--all"]);
      await temp[Symbol.asyncDispose]();
    },
  };
}

/**
 * Mounts the image a second time, read-write, as the snapshot `work`. Disposing the image unmounts it, too.
 *
 * @returns where it is mounted
 */
export async function mountWork({ cli, temp }: DailyImage): Promise<string> {
  const directory = temp.join("rw");
  await Deno.mkdir(directory);
  await cli.text(["mount", DAILY, directory, "--rw", "work"]);
  return directory;
}
