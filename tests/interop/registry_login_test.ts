/** Logins as people and other tools make them: in a terminal, by podman and skopeo, interrupted. */
import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run, runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { waitUntil } from "../support/machine/wait.ts";
import { dockerRegistry, REGISTRY_TOOLS, USER } from "../support/registry/docker_registry.ts";
import { silentServer } from "../support/registry/silent_server.ts";

const image = sampleImage();
const auth = btoa(`${USER.username}:${USER.password}`);

/** Waits until a file holds a text. */
async function shows(file: string, text: string): Promise<void> {
  let shown = "";
  await waitUntil(`"${text}" in ${file}`, async () => {
    shown = await Deno.readTextFile(file).catch(() => "");
    return shown.includes(text);
  }, { seen: () => shown });
}

Deno.test({
  name: "login in a terminal: name and password are asked for, the password is not shown",
  ...needs({ tools: [...REGISTRY_TOOLS, "script"] }),
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry({ basic: true });
    const env = { HOME: temp.path, XDG_RUNTIME_DIR: temp.path };
    const cli = new Cli(temp.join("store"), { env });
    const line = cli.command(["login", registry.host]).map((part) => `'${part}'`).join(" ");
    const log = temp.join("log");
    /** Types what is wanted when it is asked for. */
    const typed = async (answers: readonly (readonly [string, string])[]): Promise<number> => {
      await Deno.remove(log).catch(() => {});
      const child = new Deno.Command("script", {
        args: ["-q", "-e", "-f", "-c", line, log],
        env: { ...cli.env, TERM: "dumb" },
        stdin: "piped",
        stdout: "null",
        stderr: "null",
      }).spawn();
      const keys = child.stdin.getWriter();
      for (const [question, answer] of answers) {
        await shows(log, question);
        await keys.write(new TextEncoder().encode(answer));
      }
      const { code } = await child.status;
      await keys.close().catch(() => {});
      return code;
    };
    const wrong = [["User name", "user\n"], ["Password of user", "WRONG-1\r"]] as const;
    assertEquals(await typed(wrong), 11);
    const file = temp.join(".docker/config.json");
    assertEquals((await runAny(["test", "-e", file])).code, 1);
    // What is mistyped is taken back: a key, and the whole line.
    const keys = `junk\x15${USER.password}X\x7f\r`;
    assertEquals(await typed([["User name", "user\n"], ["Password of user", keys]]), 0);
    const said = await Deno.readTextFile(log);
    assertFalse(said.includes(USER.password), said);
    assertStringIncludes(said, "Logged in to");
    assertEquals(JSON.parse(await Deno.readTextFile(file)).auths, { [registry.host]: { auth } });
    // Ctrl-C while the password is asked for.
    assertEquals(await typed([["User name", "user\n"], ["Password of user", "half\x03"]]), 130);
    assertFalse((await Deno.readTextFile(log)).includes("half"));
  },
});

Deno.test({
  name: "logins of podman and skopeo are found; one for a repository beats one for its registry",
  ...needs({ tools: REGISTRY_TOOLS }),
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry({ basic: true });
    const { host } = registry;
    const archive = temp.join("image.tar");
    await Deno.writeFile(archive, archiveTar(ociFiles([image])));
    const inRuntime = temp.join("containers/auth.json");
    const named = temp.join("named.json");
    const home = { HOME: temp.path, XDG_RUNTIME_DIR: temp.path };
    const cli = new Cli(temp.join("store"), { env: home });
    const skopeo = (verb: string, ...more: string[]) =>
      run(["skopeo", verb, "--tls-verify=false", ...more], { env: home, stdin: USER.password });
    await Deno.mkdir(temp.join("containers"));
    const login = ["--authfile", inRuntime, "-u", USER.username, "--password-stdin"];
    await skopeo("login", ...login, `${host}/team`);
    assertEquals(Object.keys(JSON.parse(await Deno.readTextFile(inRuntime)).auths), [
      `${host}/team`,
    ]);
    await cli.text(["load", archive, "--name", `${host}/team/app:1`]);
    const pushed = await cli.json(["push", `${host}/team/app:1`]);
    assertEquals(pushed.digest, image.descriptor.digest);
    const elsewhere = await cli.any(["push", `${host}/team/app:1`, `${host}/other/app:1`]);
    assertEquals(elsewhere.code, 11, elsewhere.stderr);
    assertStringIncludes(elsewhere.stderr, `varve login ${host}`);
    // Where the user names podman's file it is read, and written, in place of Docker's.
    const env = { REGISTRY_AUTH_FILE: named };
    await cli.text(["login", host, "-u", USER.username, "--password-stdin"], {
      env,
      stdin: USER.password,
    });
    assertEquals(JSON.parse(await Deno.readTextFile(named)), { auths: { [host]: { auth } } });
    await cli.text(["push", `${host}/team/app:1`, `${host}/other/app:1`], { env });
    await run(["skopeo", "inspect", "--tls-verify=false", `docker://${host}/other/app:1`], {
      env: { ...home, ...env },
    });
    assertEquals((await cli.json(["logout", host], { env })).removed, true);
    assertEquals((await cli.json(["logout", host], { env })).removed, false);
  },
});

Deno.test({
  name: "Ctrl-C interrupts a command that waits for a registry, and the command says so",
  fn: async () => {
    await using temp = await tempDir();
    await using server = silentServer();
    const { host } = server;
    const cli = new Cli(temp.join("store"), { env: { HOME: temp.path } });
    for (const [i, args] of [["pull", `${host}/app:1`], ["tags", `${host}/app`]].entries()) {
      const [program = "", ...rest] = cli.command(args);
      const child = new Deno.Command(program, {
        args: rest,
        env: cli.env,
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      // It has asked, and is never answered: it would say that when it gave up by itself.
      await server.asked(i + 1);
      child.kill("SIGINT");
      const { code, stderr } = await child.output();
      assertEquals(code, 130);
      assertStringIncludes(new TextDecoder().decode(stderr), "Interrupted by SIGINT");
    }
  },
});
