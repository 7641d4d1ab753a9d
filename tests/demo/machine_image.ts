/** Builds an image from files of the machine on which the demo runs. */
import { archiveTar, buildImage, dockerFiles } from "../support/images/images.ts";
import type { TarFixture } from "../support/tar/tar_fixture.ts";

/** Limits for the files that a layer takes from the machine. */
interface Budget {
  readonly bytes: number;
  readonly files: number;
}

/** Largest file in a layer, in bytes. */
const LARGEST = 8 * 2 ** 20;

/** Name of the image in the archive. */
export const DEMO_NAME = "demo.local/machine:1";

/**
 * A docker-archive with an image of three layers. The first has programs and libraries of the machine. The second has
 * its documents and settings, and deletes files of the first. The third has an application with links, an opaque
 * directory and, with `xattrs`, extended attributes.
 */
export async function machineArchive(xattrs: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const shell = await shellFiles();
  const has = new Set(shell.map(({ name }) => name));
  const base = (await collect(["usr/bin", "usr/lib", "lib"], { bytes: 40 * 2 ** 20, files: 2500 }))
    .filter(({ name }) => !has.has(name));
  const more = await collect(["etc", "usr/share", "usr/include"], {
    bytes: 24 * 2 ** 20,
    files: 4000,
  });
  const files = base.filter(({ content }) => content !== undefined);
  const deleted = files.filter((_, at) => at % 97 === 5).map(({ name }) => whiteout(String(name)));
  const image = buildImage({
    name: DEMO_NAME,
    layers: [
      [...shell, ...base, { name: "srv/" }, { name: "srv/old/" }, {
        name: "srv/old/gone",
        content: "gone\n",
      }],
      [...more, ...deleted],
      application(xattrs),
    ],
    packing: ["gzip", "zstd", "none"],
    config: { config: { Cmd: ["/srv/app/run"], WorkingDir: "/srv/app" } },
  });
  return archiveTar(dockerFiles([image]));
}

/**
 * The machine's shell with its libraries, and the symbolic links that lead to them. With these, a container can run.
 */
async function shellFiles(): Promise<TarFixture[]> {
  const out = new Map<string, TarFixture>();
  const add = async (path: string): Promise<void> => {
    let at = "";
    for (const part of path.split("/").filter((part) => part !== "")) {
      const name = at === "" ? part : `${at}/${part}`;
      const found = await Deno.lstat(`/${name}`).catch(() => undefined);
      if (found === undefined) return;
      if (found.isSymlink) {
        const target = await Deno.readLink(`/${name}`);
        out.set(name, { name, target });
        return await add(path.replace(`/${name}`, await Deno.realPath(`/${name}`)));
      }
      if (found.isDirectory) out.set(`${name}/`, { name: `${name}/`, mode: 0o755 });
      else if (found.isFile) {
        const content = await Deno.readFile(`/${name}`);
        out.set(name, { name, mode: 0o755, content });
      }
      at = name;
    }
  };
  for (const path of ["/bin/sh", ...await librariesOf("/bin/sh")]) await add(path);
  return [...out.values()];
}

/** Paths of the libraries that a program needs, according to `ldd`. Empty where there is no `ldd`. */
async function librariesOf(program: string): Promise<string[]> {
  try {
    const { stdout } = await new Deno.Command("ldd", { args: [program], stderr: "null" }).output();
    return new TextDecoder().decode(stdout).match(/\/\S+/g) ?? [];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function application(xattrs: boolean): TarFixture[] {
  return [
    { name: "srv/app/", mode: 0o755 },
    { name: "srv/app/run", content: "#!/bin/sh\necho varve\n", mode: 0o755 },
    { name: "srv/app/again", type: "hardlink", target: "srv/app/run" },
    { name: "srv/app/current", target: "run" },
    { name: "srv/app/exact", content: "ns\n", mtime: "1700000000.123456789" },
    ...(xattrs
      ? [{ name: "srv/app/tagged", content: "tag\n", xattrs: { "user.varve": "demo" } }]
      : []),
    { name: "srv/old/" },
    { name: "srv/old/.wh..wh..opq", content: "" },
    { name: "srv/old/new", content: "new\n" },
  ];
}

function whiteout(path: string): TarFixture {
  const at = path.lastIndexOf("/") + 1;
  return { name: `${path.slice(0, at)}.wh.${path.slice(at)}`, content: "" };
}

/** Collects files, links and directories below the folders, in order, until the budget is used up. */
async function collect(folders: readonly string[], budget: Budget): Promise<TarFixture[]> {
  const out: TarFixture[] = [];
  let bytes = 0;
  const visit = async (path: string): Promise<void> => {
    if (bytes >= budget.bytes || out.length >= budget.files) return;
    const found = await Deno.lstat(`/${path}`).catch(() => undefined);
    if (found === undefined) return;
    const common = {
      mode: (found.mode ?? 0o644) & 0o755,
      mtime: Math.floor((found.mtime?.getTime() ?? 0) / 1000),
    };
    if (found.isSymlink) {
      const target = await Deno.readLink(`/${path}`).catch(() => undefined);
      if (target !== undefined) out.push({ ...common, name: path, target });
    } else if (found.isDirectory) {
      out.push({ ...common, name: `${path}/`, mode: common.mode | 0o700 });
      const names = await Array.fromAsync(Deno.readDir(`/${path}`), ({ name }) => name)
        .catch(() => []);
      for (const name of names.toSorted()) await visit(`${path}/${name}`);
    } else if (found.isFile && found.size <= Math.min(LARGEST, budget.bytes - bytes)) {
      // Skip files that the user cannot read: the demo works without privileges.
      const content = await Deno.readFile(`/${path}`).catch(() => undefined);
      if (content === undefined) return;
      bytes += content.length;
      out.push({ ...common, name: path, content });
    }
  };
  for (const folder of folders) await visit(folder);
  return out;
}
