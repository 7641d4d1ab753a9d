/** The machine for the commands of {@linkcode PERMISSION_ROWS}. */
import { boxLayer, BUSYBOX } from "../images/busybox_image.ts";
import { archiveTar, buildImage, ociFiles } from "../images/images.ts";
import { run, runAny, type RunResult } from "../machine/process.ts";
import type { TempDir } from "../machine/temp_dir.ts";
import { tarOf } from "../tar/tar_fixture.ts";

const PROGRAMS = "/usr/sbin:/usr/bin:/sbin:/bin";
const DENO_DIR = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;

/** The values of the words in flags and command lines. */
export type Words = Readonly<Record<string, string>>;

/** A machine for the commands: a store with an image, sources, a home, and a registry. */
export async function prepare(
  temp: TempDir,
  registry: string,
  program: readonly string[],
): Promise<Words> {
  const home = temp.join("home");
  for (
    const name of ["source", "source/root", "dir", "dir/mounted", "socket", "home", "home/.docker"]
  ) {
    await Deno.mkdir(temp.join(name));
  }
  const hasBox = await Deno.stat(BUSYBOX).then(() => true, () => false);
  const layer = [...(hasBox ? await boxLayer() : [{ name: "etc/" }]), { name: "etc/f" }];
  const image = buildImage({ name: "docker.io/library/app:1", layers: [layer] });
  await Deno.writeFile(temp.join("source", "app.tar"), archiveTar(ociFiles([image])));
  await Deno.writeTextFile(temp.join("source", "root", "f"), "f");
  await Deno.writeTextFile(temp.join("source", "rules"), "maxLayers: 9");
  await run(["tar", "-cf", temp.join("source", "layer.tar"), "-C", temp.join("source/root"), "f"]);
  const names = ["http", "https", "all", "no"].map((name) => `${name}_proxy`);
  const all = { env: environment(home) };
  const store = ["--root", temp.join("store")];
  await run([...program, ...store, "load", temp.join("source", "app.tar")], all);
  await run(
    [...program, ...store, "push", "--plain-http", "app:1", `${registry}/app:1`],
    all,
  );
  return {
    STORE: temp.join("store"),
    LIBC: `/lib/${Deno.build.arch}-linux-gnu/libc.so.6`,
    SOURCE: temp.join("source"),
    TEMPORARY: "/tmp",
    DIR: temp.join("dir"),
    SOCKET: temp.join("socket"),
    REGISTRY: registry,
    IMAGE: image.imageId,
    ADDRESS: "127.0.0.1:0",
    SETTINGS: [
      `${home}/.config/varve/certs.d`,
      "/etc/containerd/certs.d",
      `${home}/.docker/config.json`,
      `${home}/.config/containers/auth.json`,
      `/run/containers/${Deno.uid()}/auth.json`,
    ].join(),
    VARIABLES: [
      "SSL_CERT_FILE",
      "REGISTRY_AUTH_FILE",
      "XDG_RUNTIME_DIR",
      "XDG_CONFIG_HOME",
      "HOME",
      "DOCKER_CONFIG",
      "PATH",
      "GATEWAY_INTERFACE",
      ...names,
      ...names.map((name) => name.toUpperCase()),
    ].join(),
    DOCKER: `${home}/.docker`,
    PROGRAMS: PROGRAMS.replaceAll(":", ","),
    HOME: home,
  };
}

/** Variables of all commands. */
export function environment(home: string): Record<string, string> {
  return { HOME: home, PATH: PROGRAMS, NO_COLOR: "1", VARVE_DURABILITY: "none", DENO_DIR };
}

/** A flag or a word of a command line, with the values of its words. */
export function fill(text: string, words: Words): string {
  return text.replaceAll(/\b[A-Z]{3,}\b/g, (word) => words[word] ?? word);
}

/** Runs a command line of a row; a server until it says where it listens. */
export async function call(
  program: readonly string[],
  command: readonly string[],
  words: Words,
): Promise<RunResult> {
  const line = [...program, "--root", words["STORE"] ?? "", "--quiet"];
  const stdin = command.includes("-") ? tarOf([{ name: "piped" }]) : "secret\n";
  const options = { env: environment(words["HOME"] ?? ""), clearEnv: true, stdin };
  const args = command.map((word) => fill(word, words));
  if (command.includes("serve") || command.includes("--port")) {
    return await untilItServes([...line, ...args], options.env);
  }
  return await runAny([...line, ...args], options);
}

/** Runs a server until it says where it listens, or ends. */
async function untilItServes(
  [file = "", ...args]: readonly string[],
  env: Record<string, string>,
): Promise<RunResult> {
  const child = new Deno.Command(file, {
    args,
    env,
    clearEnv: true,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  if (!done) child.kill("SIGINT");
  const { code, signal, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return {
    code: done ? code : 0,
    signal,
    stdout: text(stdout),
    stderr: text(stderr),
    bytes: stdout,
  };
}
