import { assertEquals } from "@std/assert";
import { registryOptions } from "../../../lib/cli/registry.ts";

/** Where credentials are looked for. */
function filesOf(variables: Readonly<Record<string, string>>): readonly string[] | undefined {
  return registryOptions((name) => variables[name], 1234).credentialsFiles;
}

Deno.test("credentials: podman's file of a user is found with and without a session's directory", () => {
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
