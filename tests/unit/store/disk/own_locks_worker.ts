/** A thread that reads the file of a database, as a store that it opens would do. */
import { readDatabaseFile } from "../../../../lib/store/disk/database/database_file.ts";

globalThis.addEventListener("message", (event) => {
  const { length } = readDatabaseFile((event as MessageEvent<string>).data);
  (globalThis as unknown as Worker).postMessage(length);
});
