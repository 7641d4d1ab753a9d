/** The style of the page. */
export const PAGE_STYLE: string = `
:root { color-scheme: light dark; --text: #1b1b1f; --back: #fff; --line: #767680; --anchor: #0b4fb3; --soft: #f0f0f4;
  --c0: #bcd7ff; --c1: #ffd9a8; --c2: #bfe8c4; --c3: #f7c6d9; --c4: #d9cdf7; --c5: #f3e59a; --c6: #b5e6ea; --c7: #dcd3c6;
  --k0: #bfe8c4; --k1: #ffd9a8; --k2: #f3e59a; --k3: #dddde4; --k4: #ffc2bd; }
@media (prefers-color-scheme: dark) { :root { --text: #f2f2f5; --back: #131316; --line: #9a9aa6; --anchor: #9cc4ff;
  --soft: #232329; --c0: #1d4279; --c1: #6b3f00; --c2: #1d5227; --c3: #6d2244; --c4: #46308a; --c5: #544b00;
  --c6: #0c5056; --c7: #50473a; --k0: #1d5227; --k1: #6b3f00; --k2: #544b00; --k3: #44444d; --k4: #7a1f18; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 0.75rem 1rem; color: var(--text); background: var(--back);
  font: 15px/1.45 system-ui, sans-serif; }
h1, h2 { margin: 0.2rem 0; overflow-wrap: anywhere; }
h1 { font-size: 1.2rem; } h2 { font-size: 1.1rem; text-transform: capitalize; }
a { color: var(--anchor); overflow-wrap: anywhere; }
header p { margin: 0.2rem 0 0.6rem; overflow-wrap: anywhere; }
#views a { display: inline-block; padding: 0.25rem 0.7rem; margin: 0 0.25rem 0.25rem 0; border: 1px solid var(--line);
  border-radius: 4px; text-decoration: none; }
#views a[aria-current] { background: var(--soft); font-weight: bold; text-decoration: underline; }
#choices span { display: inline-block; margin: 0.3rem 1rem 0.3rem 0; }
label { margin-right: 0.4rem; }
input, select, button { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line);
  border-radius: 4px; }
input { width: min(40rem, 75%); }
:focus-visible { outline: 3px solid var(--anchor); outline-offset: 1px; }
nav ol { list-style: none; padding: 0; margin: 0.3rem 0; } nav li { display: inline; }
nav li + li::before { content: " › "; }
.scroll { overflow: auto; max-height: 75vh; margin: 0.6rem 0; }
table { border-collapse: collapse; min-width: 50%; } caption { text-align: left; font-weight: bold; padding: 0.3rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 0.7rem 0.2rem 0; border-bottom: 1px solid var(--soft); }
th { position: sticky; top: 0; background: var(--back); } td.number { text-align: right; }
td, code { overflow-wrap: anywhere; } td ul { margin: 0; padding-left: 1rem; }
.bars { display: block; min-width: 9rem; } .bar { display: block; height: 0.7rem; min-width: 1px; }
.tree, .tree ul { list-style: none; padding-left: 1.2rem; } .tree button { width: 1.6rem; padding: 0; margin-right: 0.3rem; }
.tree > li > button:only-child { width: auto; padding: 0 0.6rem; }
.mark { display: inline-block; width: 0.7rem; height: 0.7rem; margin-right: 0.4rem; border: 1px solid var(--line); }
.map { position: relative; overflow: hidden; background: var(--soft); margin: 0.5rem 0; }
.map button { position: absolute; padding: 1px 3px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis;
  text-align: left; line-height: 14px; font-size: 12px; border-radius: 0; border: 1px solid var(--back);
  display: flex; align-items: flex-start; }
.none { background: var(--soft); }
${
  Array.from(
    { length: 8 },
    (_, i) => `.map .c${i}, .bar.c${i} { background: var(--c${i}); }`,
  ).join("\n")
}
${
  Array.from({ length: 5 }, (_, i) => `.map .k${i}, .mark.k${i} { background: var(--k${i}); }`)
    .join("\n")
}
`;
