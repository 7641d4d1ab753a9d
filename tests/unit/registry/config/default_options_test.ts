import { assertEquals } from "@std/assert";
import { loginFile } from "../../../../lib/registry/internal.ts";
import { defaultClientOptions } from "../../../../lib/registry/mod.ts";

/** Where credentials are looked for. */
function filesOf(variables: Readonly<Record<string, string>>): readonly string[] | undefined {
  return defaultClientOptions((name) => variables[name], 1234).credentialsFiles;
}

Deno.test("credentials: podman's file is found with and without XDG_RUNTIME_DIR", () => {
  const docker = "/home/u/.docker/config.json";
  const kept = "/home/u/.config/containers/auth.json";
  const perUser = "/run/containers/1234/auth.json";
  const home = { HOME: "/home/u" };
  assertEquals(filesOf(home), [docker, perUser, kept]);
  assertEquals(filesOf({}), [perUser]);
  // As if there were none (XDG Base Directory Specification).
  for (const none of ["", "run"]) {
    assertEquals(filesOf({ ...home, XDG_RUNTIME_DIR: none }), [docker, perUser, kept]);
  }
  const session = "/run/user/1234";
  assertEquals(
    filesOf({ ...home, XDG_RUNTIME_DIR: session }),
    [docker, `${session}/containers/auth.json`, kept],
  );
});

Deno.test("credentials: a relative path from a variable starts at the working directory", () => {
  const home = { HOME: "/home/u" };
  const here = Deno.cwd();
  const docker = { ...home, DOCKER_CONFIG: "conf/" };
  const podman = { ...docker, REGISTRY_AUTH_FILE: "auth.json" };
  const loginOf = (variables: Readonly<Record<string, string>>) =>
    loginFile((name) => variables[name]);
  assertEquals(filesOf(docker)?.[0], `${here}/conf/config.json`);
  assertEquals(filesOf(podman)?.slice(0, 2), [
    `${here}/auth.json`,
    `${here}/conf/config.json`,
  ]);
  assertEquals(loginOf(docker), `${here}/conf/config.json`);
  assertEquals(loginOf(podman), `${here}/auth.json`);
  assertEquals(
    loginOf({ ...home, DOCKER_CONFIG: "", REGISTRY_AUTH_FILE: "" }),
    "/home/u/.docker/config.json",
  );
  const hosts = defaultClientOptions((name) => name === "VARVE_HOSTS_DIR" ? "certs.d" : undefined);
  assertEquals(hosts.hostsDirectories, [`${here}/certs.d`]);
});

Deno.test({
  name: "credentials: the options of a user ask for no permission, and read no file",
  permissions: "none",
  fn() {
    const { credentialsFiles, path } = defaultClientOptions((name) =>
      name === "PATH" ? "/bin" : ""
    );
    assertEquals([credentialsFiles, path], [[], "/bin"]);
  },
});
