/** The least that a command like varve's needs: it parses its words with commander, and opens a database. */
import { Command } from "commander";
import { DatabaseSync } from "node:sqlite";

const program = new Command("floor").option("--root <dir>", "directory of the store");
program.command("images").action(() => {
  using db = new DatabaseSync(`${program.opts()["root"]}/meta.db`);
  db.prepare("SELECT * FROM image").all();
});
await program.parseAsync(Deno.args, { from: "user" });
