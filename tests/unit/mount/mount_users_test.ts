import { assertEquals } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { usersOf } from "../../../lib/mount/mount_users.ts";
import { needs } from "../../support/machine/needs.ts";

Deno.test({
  name: "users of a mount: processes that end while they are looked at are left out",
  ...needs({ tools: ["sh"] }),
  fn: async () => {
    // Starts processes without end, several at a time.
    const script = "while :; do (:) & (:) & (:) & wait; done";
    const child = new Deno.Command("sh", { args: ["-c", script] }).spawn();
    try {
      for (let look = 0; look < 300; look++) assertEquals(usersOf(fromText("/no/such/mount")), "");
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
  },
});
