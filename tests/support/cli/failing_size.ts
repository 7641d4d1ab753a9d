/** Preloaded into the command: a terminal of 77 columns cannot say its size. */
const consoleSize = Deno.consoleSize;
Deno.consoleSize = () => {
  const size = consoleSize();
  if (size.columns === 77) throw new Error("Cannot read the size of the terminal: it is broken");
  return size;
};
