"""The style of the pages: a phone, a wide screen and paper."""

STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5b6675; --line: #d9dee5;
  --good: #0b6b3a; --bad: #a3261b; --accent: #1f5fa8; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 16px 16px 64px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 8px 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 40px 0 8px; padding-top: 8px;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 24px 0 8px; }
p { margin: 8px 0; max-width: 75ch; overflow-wrap: anywhere; }
a { color: var(--accent); }
small, .note, figcaption { color: var(--soft); font-size: .85rem; }
nav a { margin-right: 12px; white-space: nowrap; font-size: .9rem; }
.verdict { font-size: 1.1rem; padding: 12px 16px; border-left: 6px solid;
  max-width: none; background: #f5f7fa; }
.better { border-color: var(--good); }
.mixed { border-color: #c77700; }
.not-better { border-color: var(--bad); }
.warnings { margin: 8px 0; padding: 8px 16px 8px 32px; background: #fdf3e7;
  border-left: 6px solid #c77700; }
/* a shadow at the side where a table continues */
.wide { overflow-x: auto; margin: 8px 0; background:
  linear-gradient(90deg, #fff 30%, #fff0) local left / 40px 100% no-repeat,
  linear-gradient(270deg, #fff 30%, #fff0) local right / 40px 100% no-repeat,
  radial-gradient(farthest-side at 0, #0003, #0000) left / 12px 100% no-repeat,
  radial-gradient(farthest-side at 100%, #0003, #0000) right / 12px 100% no-repeat; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { padding: 4px 12px 4px 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
td small { display: block; font-size: .92em; }
.interval { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.results tbody tr:first-child td { background: #eef4fb; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
td:first-child { min-width: 8em; }
dl.keys { display: block; columns: 20em; font-size: .9rem; }
dl.keys dt, dl.keys dd { display: inline; }
dl.keys dd::after { content: ""; display: block; }
.question { font-size: 1.05rem; font-style: italic; }
figure { margin: 16px 0; }
figure > img { max-width: 100%; height: auto; }
.figures { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: flex-start; }
.figures figure { flex: 0 1 auto; max-width: 100%; }
.examples { display: grid; gap: 12px; grid-template-columns: 1fr; }
.examples.pictures { grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); }
.example { border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px;
  break-inside: avoid; overflow-wrap: anywhere; font-size: .92rem; }
.example img { width: 96px; height: auto; image-rendering: pixelated; display: block;
  margin-bottom: 4px; border: 1px solid var(--line); }
.columns { color: var(--soft); font-size: .85rem; }
.columns b { color: var(--ink); font-weight: 500; }
.text { white-space: pre-wrap; font: .92rem/1.7 Georgia, "Times New Roman", serif;
  margin: 4px 0; }
.text span { border-radius: 2px; }
.wrong { color: var(--bad); }
@media (max-width: 480px) {
  main { padding: 8px 12px 48px; }
  h1 { font-size: 1.3rem; }
  table { font-size: .85rem; }
  th, td { padding-right: 8px; }
}
@media print {
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .wide { overflow: visible; background: none; }
  table { font-size: .75rem; }
  td { overflow-wrap: anywhere; }
  section { break-inside: auto; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
