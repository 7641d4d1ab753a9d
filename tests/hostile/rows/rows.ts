/**
 * The rows of the corpus of hostile inputs, faults and crashes. A test that covers a row has the row's id in its
 * name. `deno task hostile` tabulates rows, tests and results.
 *
 * | letter | what its rows try                                    |
 * | ------ | ---------------------------------------------------- |
 * | A      | paths and links that lead out of the root            |
 * | B      | whiteouts, and overlay's own encoding                |
 * | C      | modes, owners, devices, attributes, times            |
 * | D      | tar headers that readers disagree about, and lies    |
 * | E      | compression: bombs, mixtures, trailing bytes         |
 * | F      | digests, manifests, configs, indexes                 |
 * | G      | archives and layouts, in and out                     |
 * | H      | registries, redirects, realms, credentials           |
 * | I      | the store, its database, names, and what is shown    |
 * | J      | crashes, failing system calls, concurrency           |
 *
 * @module
 */

const NUMBERS: Readonly<Record<string, string>> = {
  A: "01 02 03 05 06 07 09 10 11 13 14 15 17 18 19 21 22 23 25 26 27 29 30 31 33 34 35 37 38 39 41 42 43",
  B: "01 02 03 05 06 07 09 10 11 13 14 15 17 18 19 21 22 23 25 26 27 29 30 31",
  C: "01 02 03 05 06 07 09 10 11 13 14 15 17 18 19 21 22 23",
  D: "01 02 05 06 07 09 10 11 13 14 15 17 18 19 21 22 23 25 26 27 29 30 31 33 34 35 37 38 39 41 42",
  E: "01 02 03 05 06 07 09 10 11 13 14 15",
  F: "01 02 03 05 06 07 09 10 11 13 14 15 17 18 19 21 22 23 25 26 27 29",
  G: "01 02 03 05 06 07 09 10 11 13 14 15",
  H: "01 02 03 05 06 07 09 10 11 13 14 15 17 18 19 21 22 23 25 26 27 29 30 31 32 33 34",
  I: "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17",
  J: "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26",
};

/** The ids of all rows, such as `A01`, in their order. */
export const ROWS: readonly string[] = Object.entries(NUMBERS).flatMap(([letter, numbers]) =>
  numbers.split(" ").map((number) => letter + number)
);

/** Rows that no test has in its name, and why. */
export const WITHOUT_TEST: Readonly<Record<string, string>> = {
  I04: "containerd's services are to come",
  I05: "containerd's services are to come",
  I06: "containerd's services are to come",
  I09: "containerd's services are to come",
};

/** The rows that a test covers: the known ids in its name. */
export function rowsOf(name: string): string[] {
  return [...new Set(name.match(/\b[A-J][0-9]{2}\b/g) ?? [])].filter((id) => ROWS.includes(id));
}
