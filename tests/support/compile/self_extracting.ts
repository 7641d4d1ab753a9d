/** The second way: a shell stub, and behind it this Deno and the bundled code as a tar. */
import { createHash } from "node:crypto";
import { run } from "../machine/process.ts";
import { tempDir } from "../machine/temp_dir.ts";
import { lazyBuiltins } from "./lazy_builtins.ts";
import { lazyParts } from "./lazy_parts.ts";
import type { Project } from "./main.ts";
import { START } from "./start_flags.ts";

/** Writes the self-extracting file, packed at a gzip level. */
export async function compileSelfExtracting(
  project: Project,
  out: string,
  level = 6,
): Promise<void> {
  await using temp = await tempDir("varve-compile-");
  const tree = temp.join("tree");
  await bundle(project, tree);
  await Deno.copyFile(Deno.execPath(), `${tree}/deno`);
  await Deno.chmod(`${tree}/deno`, 0o755);
  const payload = temp.join("payload");
  await run([
    ...["tar", "-C", tree, "--sort=name", "--owner=0", "--group=0", "--numeric-owner"],
    ...["--mtime=@0", `--use-compress-program=gzip -n -${level}`, "-cf", payload, "."],
  ]);
  const stub = new TextEncoder().encode(stubOf(project.version, await sha256OfFile(payload)));
  // A name of its own until it is whole: a build that is cut off leaves no half program.
  const draft = `${out}.tmp`;
  {
    using file = await Deno.open(draft, { write: true, create: true, truncate: true });
    await file.write(stub);
    using source = await Deno.open(payload);
    for await (const chunk of source.readable) await writeAll(file, chunk);
  }
  await Deno.chmod(draft, 0o755);
  await Deno.rename(draft, out);
}

/**
 * Bundles the program, in parts of which a verb loads its own, and each worker entry.
 *
 * The bundler leaves worker URLs alone, so the bundles keep the places of their sources:
 * `../../workers/x.ts` is right from `lib/cli/*.js` as it is from `lib/pool/spawn.ts`. But they are
 * JavaScript, and named so: what Deno takes for TypeScript it transpiles at the first start, in 80 MiB.
 */
export async function bundle(project: Project, tree: string): Promise<void> {
  const [cli, workers] = [`${tree}/lib/cli`, `${tree}/workers`];
  await Deno.mkdir(workers, { recursive: true });
  await bundleOne(project, "lib/cli/main.ts", ["--code-splitting", "--outdir", cli]);
  for await (const { name } of Deno.readDir(`${project.root}/workers`)) {
    if (!name.endsWith(".ts")) continue;
    await bundleOne(project, `workers/${name}`, ["-o", `${workers}/${scriptOf(name)}`]);
  }
  for (const folder of [cli, workers]) {
    for await (const { name } of Deno.readDir(folder)) {
      const code = await Deno.readTextFile(`${folder}/${name}`);
      const scripts = code.replace(/\.\.\/workers\/[a-z]+\.ts/g, scriptOf);
      await Deno.writeTextFile(`${folder}/${name}`, lazyParts(lazyBuiltins(scripts)));
    }
  }
}

async function bundleOne(project: Project, source: string, target: string[]): Promise<void> {
  const command = [Deno.execPath(), "bundle", "--quiet", ...target, source];
  await run(command, { cwd: project.root, env: { NO_COLOR: "1" } });
}

function scriptOf(name: string): string {
  return name.replace(/\.ts$/, ".js");
}

/** The offset of the payload is part of the stub, so its width is fixed. */
function stubOf(version: string, id: string): string {
  const text = (offset: number) =>
    `#!/bin/sh
# varve ${version}: a shell script with a tar behind it. The first start unpacks it below the
# user's cache directory; a rename makes it visible whole, so first starts may race. Where no
# cache directory can be written, a directory of the user's own below /tmp is used.
# Later starts run no other program and no subshell: each would cost as much as the rest of this.
set -eu
usable() {
  [ -x "$1/varve/${id}/deno" ] || (umask 077 && mkdir -p "$1/varve" && [ -w "$1/varve" ]) 2>/dev/null
}
cache=
for place in "\${XDG_CACHE_HOME:-}" "\${HOME:+$HOME/.cache}" /var/cache; do
  if [ -n "$place" ] && usable "$place"; then cache=$place && break; fi
done
if [ -z "$cache" ]; then
  # Below /tmp, anyone may have made a directory or a link of that name.
  private=\${TMPDIR:-/tmp}/varve-$(id -u)
  mkdir -m 700 "$private" 2>/dev/null || :
  [ "$(stat -c %u:%a "$private" 2>/dev/null)" = "$(id -u):700" ] && usable "$private" && cache=$private
fi
if [ -z "$cache" ]; then
  echo "varve: Cannot start: no directory for the program can be written (set XDG_CACHE_HOME)" >&2
  exit 12
fi
dir=$cache/varve/${id}
if [ ! -x "$dir/deno" ]; then (
  umask 077
  tmp=$(mktemp -d "$cache/varve/.unpack.XXXXXXXX")
  trap 'rm -rf "$tmp"' EXIT
  tail -c +${String(offset).padStart(8, "0")} "$0" | tar -xzf - -C "$tmp"
  mv -T "$tmp" "$dir" 2>/dev/null || [ -x "$dir/deno" ]
) fi
# Otherwise Deno asks its own server for a later version, half a second after the start.
export DENO_NO_UPDATE_CHECK=1
exec "$dir/deno" ${START.join(" ")} \\
  "$dir/lib/cli/main.js" "$@"
exit 1
`;
  // tail counts from 1.
  return text(text(0).length + 1);
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}
